"""The far end of the tests that CPEs run: downloads, uploads and UDP echo of TR-143. A server of its own, bounded."""
