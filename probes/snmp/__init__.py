"""SNMP: the one package that knows the SNMP libraries. Reads are in client.py; agent.py answers for the simulator."""
