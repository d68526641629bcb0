"""The tables of a device: ports, radios, networks, stations and so on, and what each of their columns means.

The rule of this file: a table, its columns, their units and their greatest age have their only home here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from probes.facts import FactKind


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """What a column means. `unit` is empty for kinds without one; `values` closes an ENUM; `title` holds ru and en."""

    kind: FactKind
    unit: str
    values: tuple[str, ...]
    title: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """What a table holds, one row per thing. Its values are stale after `max_age_s`; `title` holds ru and en."""

    title: Mapping[str, str]
    max_age_s: int
    columns: Mapping[str, ColumnSpec]


def _spec(kind: FactKind, ru: str, en: str, unit: str = "", values: str = "") -> ColumnSpec:
    return ColumnSpec(kind, unit, tuple(values.split()), {"ru": ru, "en": en})


def _text(ru: str, en: str) -> ColumnSpec:
    return _spec(FactKind.TEXT, ru, en)


def _flag(ru: str, en: str) -> ColumnSpec:
    return _spec(FactKind.FLAG, ru, en)


def _number(unit: str, ru: str, en: str) -> ColumnSpec:
    return _spec(FactKind.NUMBER, ru, en, unit)


def _count(ru: str, en: str, unit: str = "") -> ColumnSpec:
    return _spec(FactKind.COUNT, ru, en, unit)


def _enum(values: str, ru: str, en: str) -> ColumnSpec:
    return _spec(FactKind.ENUM, ru, en, values=values)


def _table(max_age_s: int, ru: str, en: str, **columns: ColumnSpec) -> TableSpec:
    return TableSpec({"ru": ru, "en": en}, max_age_s, columns)


def _traffic() -> dict[str, ColumnSpec]:
    return {
        "rx_bytes": _count("Принято", "Received", "B"),
        "tx_bytes": _count("Передано", "Sent", "B"),
        "rx_errors": _count("Ошибок приёма", "Receive errors"),
        "tx_errors": _count("Ошибок передачи", "Send errors"),
        "rx_discards": _count("Отброшено на приёме", "Discarded on receipt"),
        "tx_discards": _count("Отброшено при передаче", "Discarded on sending"),
    }


_LINK = "up down"

#: name → what it holds. The names are contracts with the card, the interface and its users.
TABLES: Mapping[str, TableSpec] = {
    "wan": _table(
        900,
        "Подключения WAN",
        "WAN connections",
        name=_text("Имя", "Name"),
        kind=_enum("ppp ip", "Вид", "Kind"),
        access=_text("Среда", "Medium"),
        service=_text("Назначение", "Service"),
        enabled=_flag("Включено", "Enabled"),
        status=_text("Состояние", "Status"),
        up=_flag("Поднято", "Up"),
        last_error=_text("Последняя ошибка", "Last error"),
        mode=_text("Режим", "Mode"),
        addressing=_text("Адресация", "Addressing"),
        address=_text("Адрес", "Address"),
        mask=_text("Маска", "Mask"),
        gateway=_text("Шлюз", "Gateway"),
        dns=_text("DNS", "DNS"),
        address6=_text("Адрес IPv6", "IPv6 address"),
        mac=_text("MAC", "MAC"),
        login=_text("Логин PPPoE", "PPPoE login"),
        concentrator=_text("Концентратор", "Concentrator"),
        dhcp_status=_text("Состояние DHCP", "DHCP status"),
        lease_s=_number("s", "Остаток аренды", "Lease left"),
        nat=_flag("NAT", "NAT"),
        vlan=_count("VLAN", "VLAN"),
        mtu_bytes=_number("B", "MTU", "MTU"),
        mru_bytes=_number("B", "MRU", "MRU"),
        uptime_s=_number("s", "Поднято", "Up for"),
        **_traffic(),
    ),
    "ports": _table(
        900,
        "Порты Ethernet",
        "Ethernet ports",
        name=_text("Порт", "Port"),
        role=_enum("lan wan", "Сторона", "Side"),
        enabled=_flag("Включён", "Enabled"),
        link=_enum(_LINK, "Связь", "Link"),
        speed_mbit=_number("Mbit/s", "Согласованная скорость", "Negotiated rate"),
        duplex=_enum("full half", "Дуплекс", "Duplex"),
        set_speed=_text("Заданная скорость, Мбит/с", "Set rate, Mbit/s"),
        set_duplex=_text("Заданный дуплекс", "Set duplex"),
        mac=_text("MAC", "MAC"),
        since_s=_number("s", "Без перемен", "Unchanged for"),
        crc_errors=_count("Ошибок CRC", "CRC errors"),
        **_traffic(),
    ),
    "radios": _table(
        900,
        "Радио Wi-Fi",
        "Wi-Fi radios",
        name=_text("Имя", "Name"),
        band_ghz=_number("GHz", "Диапазон", "Band"),
        enabled=_flag("Включено", "Enabled"),
        up=_flag("Работает", "Up"),
        channel=_count("Канал", "Channel"),
        auto_channel=_flag("Автовыбор канала", "Automatic channel"),
        width_mhz=_number("MHz", "Ширина канала", "Channel width"),
        standard=_text("Стандарт", "Standard"),
        power_pct=_number("%", "Мощность", "Transmit power"),
        util_pct=_number("%", "Занятость канала", "Channel utilisation"),
        noise_dbm=_number("dBm", "Шум", "Noise"),
        max_mbit=_number("Mbit/s", "Наибольшая скорость", "Greatest rate"),
        country=_text("Страна", "Country"),
        **_traffic(),
    ),
    "ssids": _table(
        900,
        "Сети Wi-Fi",
        "Wi-Fi networks",
        ssid=_text("Имя сети", "Network name"),
        band_ghz=_number("GHz", "Диапазон", "Band"),
        enabled=_flag("Включена", "Enabled"),
        up=_flag("Работает", "Up"),
        hidden=_flag("Скрыта", "Hidden"),
        security=_text("Защита", "Security"),
        encryption=_text("Шифрование", "Encryption"),
        channel=_count("Канал", "Channel"),
        clients=_count("Клиентов", "Clients"),
        bssid=_text("BSSID", "BSSID"),
        **_traffic(),
    ),
    "stations": _table(
        900,
        "Клиенты Wi-Fi",
        "Wi-Fi stations",
        mac=_text("MAC", "MAC"),
        name=_text("Имя", "Name"),
        address=_text("Адрес", "Address"),
        ssid=_text("Сеть", "Network"),
        band_ghz=_number("GHz", "Диапазон", "Band"),
        signal_dbm=_number("dBm", "Сигнал", "Signal"),
        noise_dbm=_number("dBm", "Шум", "Noise"),
        snr_db=_number("dB", "SNR", "SNR"),
        down_mbit=_number("Mbit/s", "Скорость к клиенту", "Rate to the station"),
        up_mbit=_number("Mbit/s", "Скорость от клиента", "Rate from the station"),
        retrans_pct=_number("%", "Повторы", "Retransmissions"),
        standard=_text("Стандарт", "Standard"),
        power_save=_flag("Экономия питания", "Power save"),
        authenticated=_flag("Допущен", "Authenticated"),
        since_s=_number("s", "Подключён", "Connected for"),
        **_traffic(),
    ),
    "neighbours": _table(
        3600,
        "Соседние сети Wi-Fi",
        "Neighbouring Wi-Fi networks",
        ssid=_text("Имя сети", "Network name"),
        bssid=_text("BSSID", "BSSID"),
        band_ghz=_number("GHz", "Диапазон", "Band"),
        channel=_count("Канал", "Channel"),
        width_mhz=_number("MHz", "Ширина канала", "Channel width"),
        signal_dbm=_number("dBm", "Сигнал", "Signal"),
        noise_dbm=_number("dBm", "Шум", "Noise"),
        security=_text("Защита", "Security"),
        standard=_text("Стандарт", "Standard"),
    ),
    "hosts": _table(
        900,
        "Устройства в сети абонента",
        "LAN hosts",
        name=_text("Имя", "Name"),
        mac=_text("MAC", "MAC"),
        address=_text("Адрес", "Address"),
        active=_flag("В сети", "Active"),
        conn=_text("Подключение", "Connection"),
        port=_text("Порт", "Port"),
        source=_text("Адрес получен", "Address from"),
        lease_s=_number("s", "Остаток аренды", "Lease left"),
        signal_dbm=_number("dBm", "Сигнал", "Signal"),
        device_type=_text("Вид устройства", "Kind of device"),
    ),
    "lans": _table(
        3600,
        "Сети абонента",
        "LANs",
        name=_text("Имя", "Name"),
        address=_text("Адрес", "Address"),
        mask=_text("Маска", "Mask"),
        dhcp_on=_flag("Сервер DHCP", "DHCP server"),
        pool_from=_text("Пул от", "Pool from"),
        pool_to=_text("Пул до", "Pool to"),
        lease_s=_number("s", "Аренда", "Lease"),
        dns=_text("DNS", "DNS"),
    ),
    "port_mappings": _table(
        3600,
        "Проброс портов",
        "Port forwarding",
        enabled=_flag("Включён", "Enabled"),
        protocol=_text("Протокол", "Protocol"),
        external_port=_count("Внешний порт", "External port"),
        external_port_end=_count("До порта", "To port"),
        internal_port=_count("Внутренний порт", "Internal port"),
        client=_text("Устройство", "Client"),
        remote=_text("Откуда", "From"),
        description=_text("Описание", "Description"),
    ),
    "voip_lines": _table(
        900,
        "Телефонные линии",
        "Voice lines",
        name=_text("Линия", "Line"),
        number=_text("Номер", "Number"),
        enabled=_flag("Включена", "Enabled"),
        status=_text("Состояние", "Status"),
        registered=_flag("Зарегистрирована", "Registered"),
        call=_text("Вызов", "Call"),
        in_call=_flag("Идёт разговор", "In a call"),
        server=_text("Сервер", "Server"),
        user=_text("Пользователь SIP", "SIP user"),
        last_error=_text("Последняя ошибка", "Last error"),
        loss_pct=_number("%", "Потери", "Loss"),
        jitter_ms=_number("ms", "Джиттер", "Jitter"),
        latency_ms=_number("ms", "Задержка", "Latency"),
        lost_packets=_count("Потеряно пакетов", "Packets lost"),
        calls_in=_count("Входящих вызовов", "Incoming calls"),
        calls_out=_count("Исходящих вызовов", "Outgoing calls"),
        calls_failed=_count("Неудачных вызовов", "Failed calls"),
        calls_dropped=_count("Оборвано вызовов", "Dropped calls"),
        server_down_s=_number("s", "Сервер недоступен", "Server down for"),
    ),
    "streams": _table(
        900,
        "Потоки ТВ",
        "TV streams",
        service=_text("Услуга", "Service"),
        channel=_text("Канал", "Channel"),
        status=_text("Состояние", "Status"),
        loss_before_pct=_number("%", "Потери до исправления", "Loss before correction"),
        loss_pct=_number("%", "Потери после исправления", "Loss after correction"),
        lost_packets=_count("Потеряно пакетов", "Packets lost"),
        loss_events=_count("Событий потерь", "Loss events"),
        max_loss_period=_count("Наибольшая потеря подряд", "Longest loss period", "packets"),
        discarded=_count("Опоздало пакетов", "Late packets"),
        underruns=_count("Опустошений буфера", "Buffer underruns"),
        overruns=_count("Переполнений буфера", "Buffer overruns"),
        empty_buffer_ms=_number("ms", "Буфер был пуст", "Buffer empty for"),
        continuity_errors=_count("Ошибок непрерывности TS", "TS continuity errors"),
        sync_losses=_count("Потерь синхронизации TS", "TS sync losses"),
        lost_frames=_count("Потеряно кадров", "Lost frames"),
        concealed_frames=_count("Скрыто кадров", "Concealed frames"),
        decoded_frames=_count("Декодировано кадров", "Decoded frames"),
        decoder_errors=_count("Ошибок декодера", "Decoder errors"),
        zap_ms=_number("ms", "Переключение канала", "Zap time"),
        zap_failures=_count("Неудачных переключений", "Failed channel changes"),
        total_loss_pct=_number("%", "Потери с начала счёта", "Loss since the count began"),
        total_s=_number("s", "Считается", "Counted for"),
    ),
    "screens": _table(
        900,
        "Выходы на телевизор",
        "Display outputs",
        name=_text("Выход", "Output"),
        enabled=_flag("Включён", "Enabled"),
        status=_text("Состояние", "Status"),
        display=_enum("present error none", "Телевизор", "Display"),
        display_name=_text("Модель телевизора", "Display model"),
        resolution=_text("Разрешение", "Resolution"),
    ),
    "multicast_groups": _table(
        900,
        "Группы multicast",
        "Multicast groups",
        group=_text("Группа", "Group"),
        joined_s=_number("s", "Подписана", "Joined for"),
    ),
    "portals": _table(
        900,
        "Портал ТВ",
        "TV portal",
        response_min_ms=_number("ms", "Наименьший ответ", "Least response"),
        response_max_ms=_number("ms", "Наибольший ответ", "Greatest response"),
        access_ms=_number("ms", "Доступ к услуге", "Service access time"),
        url=_text("Адрес портала", "Portal address"),
        reachable=_flag("Отвечает", "Answers"),
    ),
    "dsl_lines": _table(
        900,
        "Линии DSL",
        "DSL lines",
        status=_text("Состояние", "Status"),
        standard=_text("Стандарт", "Standard"),
        profile=_text("Профиль", "Profile"),
        rate_down_mbit=_number("Mbit/s", "Скорость вниз", "Rate, down"),
        rate_up_mbit=_number("Mbit/s", "Скорость вверх", "Rate, up"),
        attainable_down_mbit=_number("Mbit/s", "Достижимо вниз", "Attainable, down"),
        attainable_up_mbit=_number("Mbit/s", "Достижимо вверх", "Attainable, up"),
        snr_down_db=_number("dB", "Запас SNR вниз", "SNR margin, down"),
        snr_up_db=_number("dB", "Запас SNR вверх", "SNR margin, up"),
        attenuation_down_db=_number("dB", "Затухание вниз", "Attenuation, down"),
        attenuation_up_db=_number("dB", "Затухание вверх", "Attenuation, up"),
        crc_errors=_count("Ошибок CRC", "CRC errors"),
        fec_errors=_count("Исправлено FEC", "FEC corrections"),
        errored_s=_count("Секунд с ошибками", "Errored seconds"),
        up_s=_number("s", "Линия поднята", "Up for"),
    ),
    "sensors": _table(
        3600,
        "Датчики температуры",
        "Temperature sensors",
        name=_text("Датчик", "Sensor"),
        value_c=_number("°C", "Температура", "Temperature"),
        max_c=_number("°C", "Наибольшая", "Greatest"),
        status=_text("Состояние", "Status"),
    ),
    "images": _table(
        86400,
        "Образы прошивки",
        "Firmware images",
        name=_text("Образ", "Image"),
        version=_text("Версия", "Version"),
        status=_text("Состояние", "Status"),
        available=_flag("Доступен", "Available"),
        failure=_text("Отказ загрузки", "Boot failure"),
    ),
}
