"""How a CPE answers each RPC of the ACS. The rule: a table of functions; what happens later is a `Deed` for the device.

request ──RPCS──▶ answer now, and perhaps a Deed: reboot, factory reset, transfer, inform at a time
"""

from collections.abc import Callable
from datetime import datetime

from acs.cwmp import messages as m
from cli.simulator import diagnostics
from cli.simulator import stock as stock_rpcs
from cli.simulator.deeds import Deed, DeedKind, Outcome
from cli.simulator.reactions import react
from cli.simulator.stock import Stock
from cli.simulator.tree import Refusal, Tree

METHOD_NOT_SUPPORTED = 9000


def answer(tree: Tree, request: m.Message, now: datetime, stock: Stock | None = None) -> Outcome:
    """Return what the CPE says to a request of the ACS, and what it does afterwards; refusals are SoapFaults."""
    stock = stock or Stock()
    lacks = type(request).__name__ in stock.lacking
    held = None if lacks else stock.answer(request)
    if held is not None:
        return held
    if isinstance(request, m.GetRPCMethods) and not lacks:
        return _methods(stock), None
    handler = RPCS.get(type(request))
    if handler is None or lacks:
        return m.SoapFault(METHOD_NOT_SUPPORTED, f"Method not supported: {type(request).__name__}", "Server"), None
    try:
        return handler(tree, request, now)
    except Refusal as refusal:
        return refusal.fault, None


def _methods(stock: Stock) -> m.Message:
    known: tuple[type[m.Message], ...] = (m.GetRPCMethods, *RPCS, *stock_rpcs.RPCS)
    return m.GetRPCMethodsResponse(tuple(rpc.__name__ for rpc in known if rpc.__name__ not in stock.lacking))


def _get_values(tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.GetParameterValues)
    return m.GetParameterValuesResponse(tree.get(request.parameter_names)), None


def _get_names(tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.GetParameterNames)
    return m.GetParameterNamesResponse(tree.names(request.parameter_path, request.next_level)), None


def _set_values(tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.SetParameterValues)
    tree.set(request.parameter_list, request.parameter_key)
    for each in request.parameter_list:
        react(tree, each.name, each.value)
        test = diagnostics.requested(each.name, each.value)
        if test is not None:
            return m.SetParameterValuesResponse(0), Deed(DeedKind.TEST, url=test, delay_s=diagnostics.LASTS_S)
    return m.SetParameterValuesResponse(0), None


def _get_attributes(tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.GetParameterAttributes)
    return m.GetParameterAttributesResponse(tree.attributes(request.parameter_names)), None


def _set_attributes(tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.SetParameterAttributes)
    tree.set_attributes(request.parameter_list)
    return m.SetParameterAttributesResponse(), None


def _add_object(tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.AddObject)
    return m.AddObjectResponse(tree.add_object(request.object_name, request.parameter_key), 0), None


def _delete_object(tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.DeleteObject)
    tree.delete_object(request.object_name, request.parameter_key)
    return m.DeleteObjectResponse(0), None


def _reboot(_tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.Reboot)
    return m.RebootResponse(), Deed(DeedKind.REBOOT, request.command_key)


def _factory_reset(_tree: Tree, _request: m.Message, _now: datetime) -> Outcome:
    return m.FactoryResetResponse(), Deed(DeedKind.FACTORY_RESET)


def _schedule_inform(_tree: Tree, request: m.Message, _now: datetime) -> Outcome:
    assert isinstance(request, m.ScheduleInform)
    return m.ScheduleInformResponse(), Deed(DeedKind.INFORM, request.command_key, request.delay_seconds)


RPCS: dict[type[m.Message], Callable[[Tree, m.Message, datetime], Outcome]] = {
    m.GetParameterValues: _get_values,
    m.GetParameterNames: _get_names,
    m.SetParameterValues: _set_values,
    m.GetParameterAttributes: _get_attributes,
    m.SetParameterAttributes: _set_attributes,
    m.AddObject: _add_object,
    m.DeleteObject: _delete_object,
    m.Reboot: _reboot,
    m.FactoryReset: _factory_reset,
    m.ScheduleInform: _schedule_inform,
}
