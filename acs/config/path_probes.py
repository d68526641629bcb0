"""`[line_tests.path]`: what a line test asks of the path and of the provider's own services."""

from typing import Annotated

from pydantic import Field

from acs.config.base import Address, Port, Seconds, Section


class PathSection(Section):
    """`[line_tests.path]`: large packets to the line, and the resolvers that subscribers use."""

    #: The operator's resolvers; none = `dns.operator_ok` is left to other systems.
    resolvers: Annotated[tuple[Address, ...], Field(max_length=16)] = ()
    #: Port of the resolvers.
    resolver_port: Port = 53
    #: Name that they are asked for; the root needs no name that could vanish.
    question: Annotated[str, Field(min_length=1, max_length=253)] = "."
    #: Kind of that question.
    kind: Annotated[str, Field(pattern="^[A-Z0-9]{1,10}$")] = "NS"
    #: Seconds that a resolver has to answer.
    answer_s: Seconds = 1.0
    #: Seconds that an answer of the resolvers serves every line test: a burst of tickets asks them once.
    resolvers_cache_s: Seconds = 30.0
    #: Send packets with "do not fragment" to the line's session address: a path that loses the large ones in silence
    #: breaks pages and not pings.
    whole_packets: bool = True
    #: Seconds that these packets have in all; each size is tried twice within it.
    whole_packets_s: Seconds = 2.4
