"""The fault codes of CWMP: meaning, who may send them, and whether the same request may succeed later.

Source: TR-069 Amendment 6, §A.5, and the fault types of the schemas cwmp-1-0 … cwmp-1-4; code 0 is our own word for a
SOAP fault that carries no CWMP code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final


class FaultCode(IntEnum):
    """The standard's codes. A CPE may send others: see `fault_info`."""

    ACS_METHOD_NOT_SUPPORTED = 8000
    ACS_REQUEST_DENIED = 8001
    ACS_INTERNAL_ERROR = 8002
    ACS_INVALID_ARGUMENTS = 8003
    ACS_RESOURCES_EXCEEDED = 8004
    ACS_RETRY_REQUEST = 8005
    ACS_VERSION_INCOMPATIBLE = 8006
    METHOD_NOT_SUPPORTED = 9000
    REQUEST_DENIED = 9001
    INTERNAL_ERROR = 9002
    INVALID_ARGUMENTS = 9003
    RESOURCES_EXCEEDED = 9004
    INVALID_PARAMETER_NAME = 9005
    INVALID_PARAMETER_TYPE = 9006
    INVALID_PARAMETER_VALUE = 9007
    NOT_WRITABLE = 9008
    NOTIFICATION_REJECTED = 9009
    DOWNLOAD_FAILURE = 9010
    UPLOAD_FAILURE = 9011
    SERVER_AUTHENTICATION_FAILURE = 9012
    UNSUPPORTED_PROTOCOL = 9013
    MULTICAST_JOIN_FAILED = 9014
    SERVER_UNREACHABLE = 9015
    FILE_INACCESSIBLE = 9016
    DOWNLOAD_INCOMPLETE = 9017
    FILE_CORRUPTED = 9018
    FILE_AUTHENTICATION_FAILURE = 9019
    TIME_WINDOW_MISSED = 9020
    CANCEL_NOT_PERMITTED = 9021
    INVALID_UUID = 9022
    UNKNOWN_EXECUTION_ENVIRONMENT = 9023
    DISABLED_EXECUTION_ENVIRONMENT = 9024
    EXECUTION_ENVIRONMENT_MISMATCH = 9025
    DUPLICATE_DEPLOYMENT_UNIT = 9026
    SYSTEM_RESOURCES_EXCEEDED = 9027
    UNKNOWN_DEPLOYMENT_UNIT = 9028
    INVALID_DEPLOYMENT_UNIT_STATE = 9029
    DOWNGRADE_NOT_PERMITTED = 9030
    VERSION_NOT_SPECIFIED = 9031
    VERSION_EXISTS = 9032


class FaultRetry(StrEnum):
    """Whether it is worth sending the same request again."""

    #: The same request fails again: it must be changed first.
    NEVER = "never"
    #: It may succeed in a later session.
    LATER = "later"
    #: The sender wants the same request again in this session.
    AT_ONCE = "at_once"


@dataclass(frozen=True, slots=True)
class FaultInfo:
    """One code: what it means in both languages, who sends it ("acs" or "cpe"), and what may be tried again."""

    code: int
    en: str
    ru: str
    sender: str
    retry: FaultRetry


_NEVER, _LATER, _AT_ONCE = FaultRetry.NEVER, FaultRetry.LATER, FaultRetry.AT_ONCE
_ROWS: Final = (
    (FaultCode.ACS_METHOD_NOT_SUPPORTED, "Method not supported", "Метод не поддерживается", _NEVER),
    (FaultCode.ACS_REQUEST_DENIED, "Request denied", "В запросе отказано", _LATER),
    (FaultCode.ACS_INTERNAL_ERROR, "Internal error", "Внутренняя ошибка", _LATER),
    (FaultCode.ACS_INVALID_ARGUMENTS, "Invalid arguments", "Недопустимые аргументы", _NEVER),
    (FaultCode.ACS_RESOURCES_EXCEEDED, "Resources exceeded", "Не хватает ресурсов", _LATER),
    (FaultCode.ACS_RETRY_REQUEST, "Retry request", "Повторите запрос", _AT_ONCE),
    (
        FaultCode.ACS_VERSION_INCOMPATIBLE,
        "ACS version incompatible with CPE",
        "Версии ACS и устройства несовместимы",
        _NEVER,
    ),
    (FaultCode.METHOD_NOT_SUPPORTED, "Method not supported", "Метод не поддерживается", _NEVER),
    (FaultCode.REQUEST_DENIED, "Request denied", "В запросе отказано", _LATER),
    (FaultCode.INTERNAL_ERROR, "Internal error", "Внутренняя ошибка", _LATER),
    (FaultCode.INVALID_ARGUMENTS, "Invalid arguments", "Недопустимые аргументы", _NEVER),
    (FaultCode.RESOURCES_EXCEEDED, "Resources exceeded", "Не хватает ресурсов", _LATER),
    (FaultCode.INVALID_PARAMETER_NAME, "Invalid parameter name", "Нет такого параметра", _NEVER),
    (FaultCode.INVALID_PARAMETER_TYPE, "Invalid parameter type", "Неверный тип параметра", _NEVER),
    (FaultCode.INVALID_PARAMETER_VALUE, "Invalid parameter value", "Недопустимое значение параметра", _NEVER),
    (FaultCode.NOT_WRITABLE, "Parameter is not writable", "Параметр нельзя изменить", _NEVER),
    (FaultCode.NOTIFICATION_REJECTED, "Notification request rejected", "В уведомлении отказано", _NEVER),
    (FaultCode.DOWNLOAD_FAILURE, "File transfer failure", "Файл не передан", _LATER),
    (FaultCode.UPLOAD_FAILURE, "Upload failure", "Файл не отправлен", _LATER),
    (
        FaultCode.SERVER_AUTHENTICATION_FAILURE,
        "File server refused the credentials",
        "Файловый сервер отверг имя или пароль",
        _NEVER,
    ),
    (
        FaultCode.UNSUPPORTED_PROTOCOL,
        "Unsupported protocol for file transfer",
        "Протокол передачи не поддерживается",
        _NEVER,
    ),
    (
        FaultCode.MULTICAST_JOIN_FAILED,
        "Unable to join the multicast group",
        "Не удалось войти в группу многоадресной рассылки",
        _LATER,
    ),
    (FaultCode.SERVER_UNREACHABLE, "Unable to contact the file server", "Файловый сервер недоступен", _LATER),
    (FaultCode.FILE_INACCESSIBLE, "Unable to access the file", "Файл недоступен", _NEVER),
    (FaultCode.DOWNLOAD_INCOMPLETE, "Unable to complete the download", "Загрузка не завершена", _LATER),
    (FaultCode.FILE_CORRUPTED, "File corrupted or unusable", "Файл повреждён или непригоден", _NEVER),
    (FaultCode.FILE_AUTHENTICATION_FAILURE, "File authentication failure", "Подпись файла не принята", _NEVER),
    (
        FaultCode.TIME_WINDOW_MISSED,
        "Download not completed within the time windows",
        "Загрузка не уложилась в заданное время",
        _LATER,
    ),
    (
        FaultCode.CANCEL_NOT_PERMITTED,
        "Transfer cannot be cancelled in its present state",
        "Передачу уже нельзя отменить",
        _NEVER,
    ),
    (FaultCode.INVALID_UUID, "Invalid UUID format", "Неверный формат UUID", _NEVER),
    (FaultCode.UNKNOWN_EXECUTION_ENVIRONMENT, "Unknown execution environment", "Неизвестная среда исполнения", _NEVER),
    (
        FaultCode.DISABLED_EXECUTION_ENVIRONMENT,
        "Disabled execution environment",
        "Среда исполнения выключена",
        _LATER,
    ),
    (
        FaultCode.EXECUTION_ENVIRONMENT_MISMATCH,
        "Deployment unit does not fit the execution environment",
        "Модуль не подходит к среде исполнения",
        _NEVER,
    ),
    (FaultCode.DUPLICATE_DEPLOYMENT_UNIT, "Duplicate deployment unit", "Такой модуль уже есть", _NEVER),
    (FaultCode.SYSTEM_RESOURCES_EXCEEDED, "System resources exceeded", "Не хватает ресурсов устройства", _LATER),
    (FaultCode.UNKNOWN_DEPLOYMENT_UNIT, "Unknown deployment unit", "Неизвестный модуль", _NEVER),
    (FaultCode.INVALID_DEPLOYMENT_UNIT_STATE, "Invalid deployment unit state", "Состояние модуля не позволяет", _LATER),
    (
        FaultCode.DOWNGRADE_NOT_PERMITTED,
        "Downgrade of the deployment unit not permitted",
        "Понижать версию модуля нельзя",
        _NEVER,
    ),
    (FaultCode.VERSION_NOT_SPECIFIED, "Update without a version", "Для обновления не указана версия", _NEVER),
    (FaultCode.VERSION_EXISTS, "Update to a version that exists already", "Такая версия уже установлена", _NEVER),
)

#: Code → what it means, for every code of the standard.
FAULTS: Final[Mapping[int, FaultInfo]] = MappingProxyType(
    {
        int(code): FaultInfo(int(code), en, ru, "acs" if code < FaultCode.METHOD_NOT_SUPPORTED else "cpe", retry)
        for code, en, ru, retry in _ROWS
    }
)

#: Ranges of codes that are not named one by one: first, last, meaning, sender.
RANGES: Final = (
    (8007, 8799, "Reserved for the standard", "Зарезервирован стандартом", "acs"),
    (8800, 8899, "Defined by the vendor of the ACS", "Определён поставщиком ACS", "acs"),
    (9033, 9799, "Reserved for the standard", "Зарезервирован стандартом", "cpe"),
    (9800, 9899, "Defined by the vendor of the CPE", "Определён производителем устройства", "cpe"),
)


def fault_info(code: int) -> FaultInfo:
    """What a code means; also for reserved, vendor's and unknown codes, and for 0 (a fault without a CWMP code)."""
    known = FAULTS.get(code)
    if known is not None:
        return known
    for first, last, en, ru, sender in RANGES:
        if first <= code <= last:
            return FaultInfo(code, en, ru, sender, FaultRetry.LATER)
    if code == 0:
        return FaultInfo(0, "SOAP fault without a CWMP code", "Ошибка SOAP без кода CWMP", "cpe", FaultRetry.LATER)
    return FaultInfo(code, "Unknown fault code", "Неизвестный код ошибки", "cpe", FaultRetry.LATER)


def describe(code: int, fault_string: str = "", *, lang: str = "en") -> str:
    """A line for people: "9005 Invalid parameter name (no such object)"; the peer's own words in brackets."""
    info = fault_info(code)
    text = f"{code} {info.ru if lang == 'ru' else info.en}" if code else (info.ru if lang == "ru" else info.en)
    words = fault_string.strip()
    return f"{text} ({words})" if words and words.casefold() != info.en.casefold() else text
