"""Looking at a line from outside: SNMP, ping, captures, and the pure line-test judgement. Usable without acs."""
