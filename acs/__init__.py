"""The auto-configuration server: CWMP core, store, use cases, northbound API and the edge towards CPEs."""
