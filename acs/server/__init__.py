"""The edge: sockets, time and processes. The only room, with acs.app, that knows Twisted."""
