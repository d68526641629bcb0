"""CWMP (TR-069) without I/O and without a clock: messages, SOAP codec, session rules, authentication arithmetic."""
