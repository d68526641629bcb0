"""Facts: named, typed, timed values with a source. Every measured quantity of the product is one line in FACTS.

The rule of this file: a name, its unit, its meaning and its greatest age have their only home here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Scalar = str | int | float | bool


class Quality(StrEnum):
    """What may be concluded from a fact record (design: stale neither convicts nor acquits)."""

    #: measured, within its greatest age
    OK = "ok"
    #: older than its greatest age
    STALE = "stale"
    #: was not measured
    MISSING = "missing"
    #: read, but a sentinel or a code that no table knows; `raw` keeps it
    UNREADABLE = "unreadable"
    #: this technology or model has no such quantity
    NOT_APPLICABLE = "not_applicable"
    #: the source failed
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Fact:
    """One measured value. `value` is None unless quality is ok or stale; `at` is aware UTC, when it was measured."""

    name: str
    value: Scalar | None
    at: datetime
    source: str
    method: str = ""
    quality: Quality = Quality.OK
    raw: str | None = None


Facts = Mapping[str, Fact]


class FactKind(StrEnum):
    """How a fact's value is written."""

    #: free text: identifiers, vendor codes as read
    TEXT = "text"
    #: one of `FactSpec.values`
    ENUM = "enum"
    #: a real number in `FactSpec.unit`
    NUMBER = "number"
    #: a whole number that is never negative
    COUNT = "count"
    #: true or false
    FLAG = "flag"
    #: RFC 3339 text
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class FactSpec:
    """What a fact name means.

    `unit` is empty for kinds without one; `values` closes an ENUM and is empty otherwise; `max_age_s` None means the
    value does not age by itself; `gate` facts must be known before a technician is sent or a line is called healthy;
    `title` holds the languages ru and en.
    """

    kind: FactKind
    unit: str
    values: tuple[str, ...]
    max_age_s: int | None
    gate: bool
    title: Mapping[str, str]


def _spec(
    kind: FactKind,
    max_age_s: int | None,
    ru: str,
    en: str,
    *,
    unit: str = "",
    values: str = "",
    gate: bool = False,
) -> FactSpec:
    return FactSpec(kind, unit, tuple(values.split()), max_age_s, gate, {"ru": ru, "en": en})


def _text(max_age_s: int | None, ru: str, en: str, *, gate: bool = False) -> FactSpec:
    return _spec(FactKind.TEXT, max_age_s, ru, en, gate=gate)


def _instant(ru: str, en: str) -> FactSpec:
    return _spec(FactKind.INSTANT, None, ru, en)


def _enum(values: str, max_age_s: int | None, ru: str, en: str, *, gate: bool = False) -> FactSpec:
    return _spec(FactKind.ENUM, max_age_s, ru, en, values=values, gate=gate)


def _flag(max_age_s: int | None, ru: str, en: str, *, gate: bool = False) -> FactSpec:
    return _spec(FactKind.FLAG, max_age_s, ru, en, gate=gate)


def _number(unit: str, max_age_s: int | None, ru: str, en: str, *, gate: bool = False) -> FactSpec:
    return _spec(FactKind.NUMBER, max_age_s, ru, en, unit=unit, gate=gate)


def _count(max_age_s: int | None, ru: str, en: str, *, unit: str = "", gate: bool = False) -> FactSpec:
    return _spec(FactKind.COUNT, max_age_s, ru, en, unit=unit, gate=gate)


_CONTEXT: dict[str, FactSpec] = {
    "incident.match": _text(600, "Авария, накрывающая линию", "Incident that covers the line", gate=True),
    "planned.work": _text(600, "Плановые работы на линии", "Planned work that covers the line", gate=True),
    "account.state": _enum("active blocked suspended", 3600, "Состояние счёта", "Account state", gate=True),
    "account.tariff_mbit": _number("Mbit/s", 86400, "Скорость по тарифу", "Ordered rate"),
    "account.business": _flag(86400, "Линия организации", "Business line"),
    "account.iptv_package": _enum("active inactive", 3600, "Пакет ТВ", "TV package"),
    "contacts_14d": _count(None, "Обращений за 14 дней", "Contacts in 14 days", gate=True),
    "visits_30d": _count(None, "Выездов за 30 дней", "Visits in 30 days"),
    "actions.tried": _text(None, "Уже сделано по этому обращению", "Already tried on this ticket"),
    "ticket.service": _enum("internet iptv voip", None, "Услуга из обращения", "Service of the ticket"),
    "ticket.opened_at": _instant("Обращение открыто", "Ticket opened"),
    "cluster.tickets_15min": _count(600, "Обращений рядом за 15 мин", "Tickets of the scope in 15 min"),
    "cluster.scope": _enum(
        "house splitter switch vlan bras channel", 600, "Чем связаны обращения", "What the tickets share"
    ),
    "line.cable_length_m": _number("m", None, "Известная длина кабеля", "Known cable length"),
    "weather.rain_48h": _flag(3600, "Дождь за 48 часов", "Rain in 48 hours"),
    "led.los": _enum("red off", None, "Индикатор LOS (со слов абонента)", "LOS lamp (as the subscriber says)"),
    "led.power": _enum("on off", None, "Индикатор POWER (со слов абонента)", "POWER lamp (as the subscriber says)"),
    "home.outlet_ok": _flag(None, "Розетка под напряжением (со слов)", "The outlet has power (as the subscriber says)"),
    "home.adapter_tried": _flag(
        None, "Пробовали другой блок питания (со слов)", "Another adapter was tried (as the subscriber says)"
    ),
    "home.pc_tested": _flag(
        None, "Проверен исправный компьютер (со слов)", "A working PC was tried (as the subscriber says)"
    ),
}

_ONT: dict[str, FactSpec] = {
    "ont.run_state": _enum("online offline", 600, "Терминал в сети", "ONT run state"),
    "ont.admin_state": _enum("active deactivated", 600, "Терминал разрешён на OLT", "ONT admin state on the OLT"),
    "ont.last_down_cause": _text(None, "Причина последнего падения", "Last down cause"),
    "ont.last_down_cause_raw": _text(None, "Неизвестный код причины падения", "Down cause code that no table knows"),
    "ont.last_down_at": _instant("Время последнего падения", "Last went down"),
    "ont.last_up_at": _instant("Время последнего подъёма", "Last came up"),
    "ont.last_gasp_at": _instant("Время последней потери питания", "Last dying gasp"),
    "ont.birth_rx_dbm": _number("dBm", None, "Уровень сигнала в первые дни линии", "Light in the line's first days"),
    "ont.rx_dbm": _number("dBm", 3600, "Уровень сигнала на терминале", "Light at the ONT"),
    "ont.tx_dbm": _number("dBm", 3600, "Мощность передатчика терминала", "Transmit power of the ONT"),
    "ont.olt_rx_dbm": _number("dBm", 3600, "Сигнал терминала на OLT", "Light of this ONT at the OLT"),
    "ont.rx_delta_db": _number(
        "dB", 3600, "Сдвиг сигнала от своей нормы за 7 дней", "Light against its own 7-day median"
    ),
    "ont.last_rx_dbm": _number("dBm", None, "Последний сигнал перед падением", "Last good light before the fall"),
    "ont.last_rx_delta_db": _number("dB", None, "Сдвиг сигнала перед падением", "That light against its 7-day median"),
    "ont.optical_class": _enum(
        "gpon_b+ gpon_c+ xgs_n1 epon_px20 epon_px20+", None, "Оптический класс", "Optical class"
    ),
    "ont.match_state": _enum("match mismatch", 3600, "Профиль подходит терминалу", "Profile against device"),
    "ont.config_state": _enum("normal failed", 3600, "Настройка терминала с OLT", "OMCI configuration"),
    "ont.services_n": _count(3600, "Действующих сервисных портов", "Live service ports"),
    "ont.gasp_supported": _flag(None, "Модель сообщает о потере питания", "The model sends a dying gasp"),
    "ont.flaps_24h": _count(3600, "Обрывов за сутки", "Flaps in 24 h"),
    "ont.dg_24h": _count(3600, "Потерь питания за сутки", "Dying gasps in 24 h"),
    "ont.sf_alarm": _flag(600, "Авария по ошибкам (SF)", "Signal-fail alarm"),
    "ont.temp_c": _number("°C", 3600, "Температура оптики терминала", "Temperature of the ONT optics"),
    "ont.voltage_v": _number("V", 3600, "Напряжение питания оптики терминала", "Supply voltage of the ONT optics"),
    "ont.bias_ma": _number("mA", 3600, "Ток лазера", "Laser bias"),
    "ont.bias_delta_pct": _number(
        "%", 3600, "Ток лазера против средней за 7 дней", "Laser bias against its 7-day mean"
    ),
    "ont.distance_m": _number("m", 3600, "Расстояние до терминала", "Distance to the ONT"),
    "ont.bip_ds": _count(3600, "Ошибки BIP вниз за 15 мин", "BIP errors down in 15 min"),
    "ont.bip_us": _count(3600, "Ошибки BIP вверх за 15 мин", "BIP errors up in 15 min"),
    "ont.rx_slope_db_day": _number("dB/day", 86400, "Наклон сигнала", "Slope of the light"),
    "ont.rx_slope_days": _number("d", 86400, "Дней наблюдения наклона", "Days behind that slope"),
    "ont.lan_link": _enum("up down", 900, "Связь на LAN-порту терминала", "LAN link of the ONT"),
    "ont.lan_speed_mbit": _number("Mbit/s", 900, "Скорость LAN-порта терминала", "Rate of the ONT's LAN port"),
    "ont.lan_duplex": _enum("full half", 900, "Дуплекс LAN-порта терминала", "Duplex of the ONT's LAN port"),
    "ont.uni_links": _text(900, "Связь по портам терминала", "Links of the ONT's ports"),
    "ont.phase": _text(600, "Стадия регистрации терминала", "Registration phase of the ONT"),
    "ont.uptime_s": _number("s", 600, "Терминал в сети", "Since the ONT came up"),
    "ont.macs": _text(900, "MAC-адреса за терминалом", "MAC addresses behind the ONT"),
    "ont.macs_n": _count(900, "Число MAC-адресов за терминалом", "Number of MAC addresses behind the ONT"),
    "ont.down_history": _text(None, "История падений терминала", "Falls of the ONT"),
    "ont.catv_rx_dbm": _number("dBm", 3600, "Сигнал КТВ на терминале", "CATV light at the ONT"),
    "ont.model": _text(86400, "Модель терминала", "Model of the ONT"),
    "ont.software": _text(86400, "Прошивка терминала по OLT", "Software of the ONT as the OLT knows it"),
}

_PON: dict[str, FactSpec] = {
    "sib.n": _count(600, "Терминалов на том же дереве", "ONTs on the same port or splitter"),
    "sib.up": _count(600, "Из них в сети", "Of them online"),
    "sib.others_down_window": _count(
        600, "Упало соседей вместе с линией", "Other ONTs that fell with this line", gate=True
    ),
    "sib.down_ratio": _number("", 600, "Доля соседей без связи", "Share of siblings down", gate=True),
    "sib.dg_ratio": _number("", 600, "Доля падений с потерей питания", "Dying-gasp share of the falls"),
    "sib.rx_delta_share": _number(
        "", 7200, "Доля соседей с тем же сдвигом сигнала", "Share of siblings with the same step of light"
    ),
    "sib.level": _enum("splitter pon", 600, "Уровень подсчёта соседей", "Level the siblings were counted at"),
    "sib.splitters_hit": _count(600, "Сплиттеров с падениями", "Splitters with a fall"),
    "sib.pon_rest_up_ratio": _number("", 600, "Доля живых на других сплиттерах", "Share up on the other splitters"),
    "sib.others_flapping": _count(3600, "Соседей с обрывами за сутки", "Other ONTs that flap"),
    "sib.bip_share": _number("", 3600, "Доля соседей с ошибками BIP", "Share of siblings with BIP errors"),
    "sib.rx_median_dbm": _number("dBm", 7200, "Медиана сигнала соседей", "Median light of the siblings"),
    "sib.olt_rx_median_dbm": _number(
        "dBm", 7200, "Медиана сигнала соседей на OLT", "Median light of the siblings at the OLT"
    ),
    "sib.rx_step_median_db": _number("dB", 7200, "Медиана сдвига сигнала соседей", "Median step of the siblings"),
    "sib.baseline_days": _number("d", 7200, "Дней в норме соседей", "Days behind the sibling baseline"),
    "olt.reachable": _flag(600, "OLT отвечает", "The OLT answers"),
    "olt.pollers_failed": _count(600, "Опросчиков без ответа от OLT", "Pollers without an answer from the OLT"),
    "olt.sessions_lost_ratio": _number("", 300, "Доля потерянных сессий OLT", "Share of the OLT's sessions lost"),
    "olt.port_fault": _flag(600, "Неисправность PON-порта", "PON port fault", gate=True),
    "olt.port_los": _flag(600, "Авария LOS на PON-порту", "LOS alarm of the PON port"),
    "olt.port_tx_dbm": _number("dBm", 3600, "Мощность PON-порта", "Transmit power of the PON port"),
    "olt.port_temp_c": _number("°C", 3600, "Температура оптики порта", "Temperature of the port optics"),
    "olt.port_bias_ma": _number("mA", 3600, "Ток лазера порта", "Laser bias of the PON port"),
    "olt.port_voltage_v": _number("V", 3600, "Напряжение оптики порта", "Supply voltage of the port optics"),
    "olt.port_oper": _enum("up down", 600, "PON-порт поднят", "State of the PON port"),
    "olt.port_onts_n": _count(600, "Терминалов на порту по OLT", "ONTs on the port as the OLT counts"),
    "olt.port_onts_up_n": _count(600, "Из них в сети по OLT", "Of them online as the OLT counts"),
    "olt.unprovisioned_serials": _text(600, "Незарегистрированные на порту", "Serials that wait on the port"),
    "olt.port_laser_on": _flag(600, "Лазер порта включён", "Laser of the port is on"),
    "olt.rogue_alarm": _flag(600, "Авария «чужой свет»", "Rogue ONU alarm"),
    "olt.unprovisioned_on_port": _flag(
        600, "Незарегистрированный терминал на порту", "Unprovisioned ONT on the port", gate=True
    ),
    "agg.port_to_olt": _enum("up down", 600, "Порт агрегации к OLT", "Aggregation port towards the OLT"),
}

_NETWORK: dict[str, FactSpec] = {
    "bras.session": _enum("up none stale", 300, "Сессия на BRAS", "BRAS session"),
    "bras.address": _text(300, "Адрес сессии", "Session address"),
    "bras.peers_lost_ratio": _number("", 300, "Доля потерянных сессий соседей", "Share of peer sessions lost"),
    "bras.accept_ratio": _number("", 300, "Доля успешных авторизаций", "AAA accepts per request"),
    "radius.last": _enum(
        "accept reject_password reject_max_sessions reject_blocked",
        3600,
        "Последний ответ RADIUS",
        "Last RADIUS answer",
    ),
    "radius.policy_mbit": _number("Mbit/s", 3600, "Скорость по политике", "Rate of the applied policy"),
    "ppp.last_error": _text(900, "Последняя ошибка PPP", "Last PPP error"),
    "ppp.pado_seen": _flag(900, "Концентратор ответил на PADI", "A concentrator answered the PADI"),
    "dhcp.status": _text(900, "Состояние DHCP", "DHCP status"),
    "dhcp.selecting_s": _number("s", 900, "Время в Selecting", "Time in Selecting"),
    "dhcp.offer_seen": _flag(900, "Был DHCP Offer", "DHCP Offer seen"),
    "dhcp.nak_seen": _flag(900, "Был DHCP NAK", "DHCP NAK seen"),
    "dhcp.pool_free_pct": _number("%", 300, "Свободно в пуле DHCP", "Free part of the DHCP pool"),
    "dhcp.mac_matches_binding": _flag(3600, "MAC совпадает с привязкой", "MAC matches the binding"),
    "ping.loss_pct": _number("%", 300, "Потери ping", "Ping loss"),
    "ping.rtt_ms": _number("ms", 300, "Задержка ping", "Ping round trip"),
    "ping.sent_n": _count(300, "Отправлено запросов ping", "Pings sent"),
    "ping.anchors_loss_pct": _number("%", 300, "Потери до опорных узлов", "Loss to the anchors"),
    "ping.loaded_rtt_rise_ms": _number("ms", 900, "Рост задержки под нагрузкой", "Rise of the round trip under load"),
    "ping.df_1472_ok": _flag(900, "Проходит DF 1472 байта", "DF ping with 1,472 bytes passes"),
    "ping.df_1400_ok": _flag(900, "Проходит DF 1400 байт", "DF ping with 1,400 bytes passes"),
    "dns.operator_ok": _flag(300, "DNS оператора отвечает", "Operator resolver answers"),
    "dns.failed_vantages": _count(300, "Точек без ответа DNS", "Vantage points without DNS"),
    "dns.cpe_ok": _flag(300, "DNS оператора отвечает абоненту", "Operator resolver answers the CPE"),
    "dns.cpe_uses_operator": _flag(3600, "На CPE задан DNS оператора", "The CPE uses the operator resolver"),
    "dns.cpe_resolver_ok": _flag(300, "Заданный на CPE DNS отвечает", "The resolver set on the CPE answers"),
    "hop.gw_loss_pct": _number("%", 300, "Потери до шлюза", "Loss to the gateway"),
    "hop.core_loss_pct": _number("%", 300, "Потери от шлюза к ядру", "Loss from the gateway to the core"),
    "hop.subs_affected": _count(300, "Абонентов с теми же потерями", "Subscribers with the same loss"),
}

_CPE: dict[str, FactSpec] = {
    "cpe.reachable": _flag(600, "CPE отвечает серверу", "The CPE answers"),
    "cpe.mem_free_pct": _number("%", 3600, "Свободная память CPE", "Free memory of the CPE"),
    "cpe.cpu_pct": _number("%", 3600, "Загрузка процессора CPE", "CPU load of the CPE"),
    "cpe.temp_c": _number("°C", 3600, "Температура CPE", "Temperature of the CPE"),
    "cpe.boots_24h": _count(3600, "Перезагрузок за сутки", "Boots in 24 h"),
    "cpe.uptime_s": _number("s", 3600, "Время работы CPE", "Uptime of the CPE"),
    "cpe.inform_age_s": _number("s", 600, "Последний Inform", "Since the last Inform"),
    "cpe.inform_interval_s": _number("s", 86400, "Период Inform", "Inform interval"),
    "cpe.config_matches_profile": _flag(3600, "Настройки CPE по профилю", "CPE settings match the profile"),
    "cpe.own_router": _flag(86400, "Свой роутер абонента", "Router of the subscriber's own"),
    "cpe.lan_errors_n": _count(3600, "Ошибок на портах LAN всего", "Errors of the LAN ports in all"),
    "cpe.wan_errors_n": _count(3600, "Ошибок на порту WAN всего", "Errors of the WAN port in all"),
    "cpe.lan_rate_mbit": _number("Mbit/s", 900, "Скорость LAN-порта", "Rate of the LAN port"),
    "fw.outdated_known_bug": _flag(86400, "Прошивка с известной ошибкой", "Firmware with a known defect"),
    "fw.bug_matches_symptom": _flag(86400, "Ошибка прошивки объясняет жалобу", "The defect names this symptom"),
    "fw.upgrade_running": _flag(60, "Идёт обновление прошивки", "Firmware upgrade is running"),
    "wan.vlan_matches_order": _flag(3600, "VLAN по заказу", "VLAN equals the order"),
    "wan.traffic_growing": _flag(900, "Счётчики трафика растут", "Traffic counters grow"),
    "wan.double_nat": _flag(3600, "Двойной NAT", "Double NAT"),
    "wan.mtu_bytes": _number("B", 3600, "MTU на WAN", "WAN MTU"),
    "wan.mtu_expected_bytes": _number("B", 86400, "Ожидаемый MTU", "Expected MTU"),
    "wan.down_util_pct": _number("%", 900, "Загрузка тарифа вниз", "Use of the tariff, down"),
    "wan.up_util_pct": _number("%", 900, "Загрузка тарифа вверх", "Use of the tariff, up"),
    "speed.down_mbit": _number("Mbit/s", 3600, "Измеренная скорость", "Measured rate"),
    "wifi.radio_on": _flag(900, "Wi-Fi включён", "Wi-Fi is on"),
    "wifi.clients": _count(900, "Клиентов Wi-Fi", "Wi-Fi clients"),
    "wifi.worst_rssi": _number("dBm", 900, "Сигнал худшего клиента Wi-Fi", "Signal of the worst Wi-Fi client"),
    "wifi.snr_db": _number("dB", 900, "SNR худшего клиента Wi-Fi", "SNR of the worst Wi-Fi client"),
    "wifi.rate_mbit": _number("Mbit/s", 900, "Скорость худшего клиента Wi-Fi", "Rate of the worst Wi-Fi client"),
    "wifi.retrans_pct": _number("%", 900, "Повторы Wi-Fi", "Wi-Fi retransmissions"),
    "wifi.util_pct": _number("%", 900, "Занятость канала Wi-Fi", "Wi-Fi channel utilisation"),
    "wifi.neighbour_aps": _count(3600, "Чужих сетей на канале", "Other networks on the channel"),
    "wifi.auth_fail_10min": _count(900, "Отказов Wi-Fi за 10 мин", "Wi-Fi authentication failures in 10 min"),
}

_COPPER: dict[str, FactSpec] = {
    "sw.reachable": _flag(600, "Коммутатор отвечает", "The switch answers"),
    "sw.parent_port_oper": _enum("up down", 600, "Порт вышестоящего к коммутатору", "Parent port towards the switch"),
    "sw.parent_reachable": _flag(600, "Вышестоящий коммутатор отвечает", "The parent switch answers"),
    "sw.subs_n": _count(600, "Абонентов на коммутаторе", "Subscribers of the switch"),
    "sw.subs_down_ratio": _number("", 600, "Доля абонентов без связи", "Share of subscribers down", gate=True),
    "sw.chain_down": _count(600, "Коммутаторов упало вместе", "Switches that fell together"),
    "sw.power_alarm": _flag(600, "Авария питания", "Power alarm"),
    "sw.port_oper": _enum("up down", 600, "Связь на порту коммутатора", "Link of the switch port"),
    "sw.port_admin": _enum("up down", 600, "Порт коммутатора разрешён", "Switch port admin state"),
    "sw.port_speed_mbit": _number("Mbit/s", 600, "Скорость порта", "Speed of the port"),
    "sw.port_name": _text(86400, "Имя порта", "Name of the port"),
    "sw.port_alias": _text(86400, "Описание порта", "Description of the port"),
    "sw.port_duplex": _enum("full half", 600, "Дуплекс порта", "Duplex of the port"),
    "sw.port_changed_at": _instant("Порт менял состояние", "The port changed its state"),
    "sw.uptime_s": _number("s", 600, "Коммутатор работает", "Since the switch started"),
    "sw.in_errors_n": _count(600, "Ошибок приёма всего", "Receive errors in all"),
    "sw.out_errors_n": _count(600, "Ошибок передачи всего", "Transmit errors in all"),
    "sw.in_discards_n": _count(600, "Отброшено на приёме всего", "Discarded on receipt in all"),
    "sw.out_discards_n": _count(600, "Отброшено при передаче всего", "Discarded on sending in all"),
    "sw.fcs_errors_n": _count(600, "Ошибок CRC всего", "CRC errors in all"),
    "sw.late_collisions_n": _count(600, "Поздних коллизий всего", "Late collisions in all"),
    "sw.in_mbit": _number("Mbit/s", 300, "Трафик от абонента", "Traffic from the subscriber"),
    "sw.out_mbit": _number("Mbit/s", 300, "Трафик к абоненту", "Traffic to the subscriber"),
    "sw.macs": _text(600, "MAC-адреса на порту", "MAC addresses on the port"),
    "sw.dhcp_binding": _text(600, "Привязка DHCP на порту", "DHCP binding of the port"),
    "sw.poe_admin": _enum("on off", 3600, "PoE разрешено", "PoE is allowed"),
    "sw.poe_state": _enum("disabled searching delivering fault", 600, "Состояние PoE", "PoE state"),
    "sw.poe_class": _text(3600, "Класс PoE", "PoE class"),
    "sw.poe_w": _number("W", 600, "Мощность PoE", "PoE power"),
    "sw.sfp_rx_dbm": _number("dBm", 3600, "Сигнал на модуле порта", "Light at the port's module"),
    "sw.sfp_tx_dbm": _number("dBm", 3600, "Мощность модуля порта", "Transmit power of the port's module"),
    "sw.sfp_temp_c": _number("°C", 3600, "Температура модуля порта", "Temperature of the port's module"),
    "sw.port_speed_hist_mbit": _number("Mbit/s", 86400, "Обычная скорость порта", "Usual speed of the port"),
    "sw.port_flaps_24h": _count(3600, "Обрывов порта за сутки", "Port flaps in 24 h"),
    "sw.crc_ppm": _number("ppm", 3600, "Ошибки CRC", "CRC errors"),
    "sw.late_collisions": _count(3600, "Поздние коллизии", "Late collisions"),
    "sw.duplex_forced": _flag(3600, "Дуплекс задан вручную", "Duplex is forced"),
    "sw.frames_15min": _count(3600, "Кадров за 15 мин", "Frames in 15 min"),
    "sw.runts_15min": _count(3600, "Коротких кадров за 15 мин", "Runts in 15 min"),
    "sw.mac_count": _count(600, "MAC-адресов на порту", "MAC addresses on the port"),
    "sw.err_disabled": _enum("none loop storm", 600, "Порт остановлен защитой", "Port stopped by protection"),
    "sw.security_violation": _flag(600, "Нарушение port-security", "Port-security violation"),
    "tdr.result": _enum(
        "ok open short open-short crosstalk impedance no-cable", 3600, "Тест пары (TDR)", "Pair test (TDR)"
    ),
    **{
        f"tdr.pair{pair}_result": _enum(
            "ok open short open-short crosstalk impedance no-cable", 3600, f"Пара {pair} (TDR)", f"Pair {pair} (TDR)"
        )
        for pair in range(1, 5)
    },
    **{
        f"tdr.pair{pair}_length_m": _number("m", 3600, f"Длина пары {pair} (TDR)", f"Length of pair {pair} (TDR)")
        for pair in range(1, 5)
    },
    "tdr.length_m": _number("m", 3600, "Длина по TDR", "Length by TDR"),
    "tdr.gap_to_known_len_m": _number("m", 3600, "Не хватает до известной длины", "Short of the known length by"),
    "dsl.link": _enum("up down", 900, "Линия DSL", "DSL link"),
    "dsl.snr_margin_db": _number("dB", 900, "Запас SNR", "SNR margin"),
    "dsl.attenuation_db": _number("dB", 900, "Затухание", "Attenuation"),
    "dsl.crc_15min": _count(900, "CRC за 15 мин", "CRC in 15 min"),
    "dsl.retrains_24h": _count(3600, "Пересогласований за сутки", "Retrains in 24 h"),
    "dsl.es_15min": _count(900, "Секунд с ошибками за 15 мин", "Errored seconds in 15 min"),
    "dsl.fec_15min": _count(900, "FEC за 15 мин", "FEC in 15 min"),
    "dsl.attainable_ratio": _number("", 3600, "Достижимая скорость против модели", "Attainable rate against the model"),
    "dsl.hour_pattern": _flag(86400, "Ошибки в одни и те же часы", "Errors repeat at the same hours"),
    "dsl.last_event": _enum("none dying_gasp lpr", None, "Последнее событие DSL", "Last DSL event"),
    "dsl.admin": _enum("up down", 900, "Порт DSL разрешён", "DSL port admin state"),
    "dsl.snr_margin_up_db": _number("dB", 900, "Запас SNR вверх", "SNR margin, up"),
    "dsl.attenuation_up_db": _number("dB", 900, "Затухание вверх", "Attenuation, up"),
    "dsl.electrical_length_db": _number("dB", 3600, "Электрическая длина", "Electrical length"),
    "dsl.rate_down_mbit": _number("Mbit/s", 900, "Скорость линии вниз", "Line rate, down"),
    "dsl.rate_up_mbit": _number("Mbit/s", 900, "Скорость линии вверх", "Line rate, up"),
    "dsl.attainable_down_mbit": _number("Mbit/s", 900, "Достижимая скорость вниз", "Attainable rate, down"),
    "dsl.attainable_up_mbit": _number("Mbit/s", 900, "Достижимая скорость вверх", "Attainable rate, up"),
    "dsl.tx_down_dbm": _number("dBm", 900, "Мощность DSLAM", "Transmit power of the DSLAM"),
    "dsl.tx_up_dbm": _number("dBm", 900, "Мощность модема", "Transmit power of the modem"),
    "dsl.delay_ms": _number("ms", 900, "Задержка перемежения", "Interleaving delay"),
    "dsl.inp_symbols": _number("symbols", 900, "Защита от импульсов (INP)", "Impulse noise protection"),
    "dsl.profile": _text(86400, "Профиль VDSL2", "VDSL2 profile"),
    "dsl.power_state": _enum("L0 L1 L2 L3", 900, "Состояние линии", "Power state of the line"),
    "dsl.init_result": _text(900, "Итог согласования", "Result of the last training"),
    "dsl.defects": _text(900, "Дефекты линии у DSLAM", "Line defects at the DSLAM"),
    "dsl.defects_far": _text(900, "Дефекты линии у модема", "Line defects at the modem"),
    "dsl.uptime_s": _number("s", 900, "Линия поднята", "Since the line came up"),
    "dsl.inits_n": _count(3600, "Согласований всего", "Trainings in all"),
    "dsl.los_n": _count(3600, "Пропаданий сигнала всего", "Losses of signal in all"),
    "dsl.lof_n": _count(3600, "Потерь кадра всего", "Losses of frame in all"),
    "dsl.lpr_n": _count(3600, "Потерь питания всего", "Losses of power in all"),
    "dsl.es_n": _count(3600, "Секунд с ошибками всего", "Errored seconds in all"),
    "dsl.ses_15min": _count(900, "Секунд с тяжёлыми ошибками за 15 мин", "Severely errored seconds in 15 min"),
    "dsl.uas_15min": _count(900, "Секунд недоступности за 15 мин", "Unavailable seconds in 15 min"),
    "dsl.es_24h": _count(3600, "Секунд с ошибками за сутки", "Errored seconds in 24 h"),
    "dslam.reachable": _flag(600, "DSLAM отвечает", "The DSLAM answers"),
    "melt.result": _enum("ok open short earth foreign-voltage", 3600, "Тест линии (MELT)", "Line test (MELT)"),
    "melt.distance_m": _number("m", 3600, "До повреждения", "Distance to the fault"),
    "melt.far_end_ok": _flag(3600, "Подпись дальнего конца", "Far-end signature as on file"),
    "melt.insulation_kohm": _number("kΩ", 3600, "Изоляция", "Insulation"),
    "melt.insulation_falling": _flag(86400, "Изоляция падает", "Insulation is falling"),
    "melt.binder_pairs_bad": _count(86400, "Плохих пар в пучке", "Bad pairs of the binder"),
    "selt.tap_found": _flag(86400, "Найдено ответвление", "Bridged tap found"),
    "selt.tap_at_m": _number("m", 86400, "До ответвления", "Distance to the tap"),
}

_TV_VOICE: dict[str, FactSpec] = {
    "stb.reachable": _flag(900, "Приставка отвечает", "The set-top box answers"),
    "stb.mac_on_port": _flag(900, "MAC приставки виден", "MAC of the set-top box is seen"),
    "stb.hdmi": _enum("Present Error none", 900, "Телевизор на HDMI", "Display on HDMI"),
    "stb.rtp_loss_pct": _number("%", 900, "Потери RTP", "RTP loss"),
    "stb.loss_before_pct": _number("%", 900, "Потери RTP до исправления", "RTP loss before correction"),
    "stb.continuity_n": _count(900, "Ошибок непрерывности TS", "TS continuity errors"),
    "stb.zap_ms": _number("ms", 900, "Переключение канала", "Zap time"),
    "stb.underruns": _count(900, "Опустошений буфера", "Buffer underruns"),
    "stb.informs_missed": _count(900, "Пропущено Inform приставки", "Informs missed by the set-top box"),
    "stb.other_ok": _flag(900, "Другая приставка работает", "Another set-top box works"),
    "stb.port_link": _enum("up down", 900, "Связь на порту ТВ", "Link of the IPTV port"),
    "stb.decoding": _flag(900, "Декодирование идёт", "Decoded frames grow"),
    "stb.lost_frames": _count(900, "Потеряно кадров", "Lost frames"),
    "stb.fw_in_target": _flag(86400, "Прошивка приставки целевая", "Firmware of the set-top box is the target"),
    "stb.decoder_errors": _count(900, "Ошибки декодера", "Decoder errors"),
    "stb.zap_fail_pct": _number("%", 900, "Неудачных переключений", "Failed channel changes"),
    "stb.portal_ok": _flag(900, "Портал ТВ отвечает", "The TV portal answers"),
    "stb.conn": _enum("cable wifi", 900, "Подключение приставки", "How the set-top box is connected"),
    "stb.wifi_rssi": _number("dBm", 900, "Сигнал Wi-Fi приставки", "Wi-Fi signal of the set-top box"),
    "stb.max_loss_period": _count(900, "Наибольшая потеря подряд", "Longest loss period", unit="packets"),
    "stb.mdi_df_ms": _number("ms", 900, "MDI: DF", "MDI delay factor"),
    "stb.mdi_mlr": _number("/s", 900, "MDI: MLR", "MDI media loss rate"),
    "stb.ca_status": _enum("ok error", 900, "Защита контента", "Conditional access"),
    "stb.mac_vlan": _enum("iptv internet", 900, "VLAN приставки", "VLAN of the set-top box"),
    "mcast.joined": _flag(900, "Группа подписана", "Multicast group joined"),
    "mcast.vlan_on_port": _flag(3600, "Multicast VLAN на порту", "Multicast VLAN on the port"),
    "iptv.group_bad_stb": _count(300, "Приставок с потерями группы", "Set-top boxes with loss on the group"),
    "iptv.other_groups_ok": _flag(300, "Другие каналы в порядке", "Other groups are fine"),
    "voip.registered": _flag(900, "Телефон зарегистрирован", "Voice is registered"),
    "voip.sip_code": _count(900, "Последний код SIP", "Last SIP code"),
    "voip.network_status": _enum("up error_dns error_other", 900, "Сеть SIP", "SIP network"),
    "voip.platform_fail_ratio": _number("", 300, "Доля потерявших регистрацию", "Share that lost registration"),
    "voip.call_active": _flag(60, "Идёт разговор", "A call is active"),
    "voip.offhook_min": _number("min", 900, "Трубка снята", "Off hook without a call"),
    "voip.loss_pct": _number("%", 900, "Потери речи", "Voice loss"),
    "voip.jitter_ms": _number("ms", 900, "Джиттер речи", "Voice jitter"),
    "voip.latency_ms": _number("ms", 900, "Задержка речи", "Voice latency"),
    "voip.mos": _number("", 900, "Качество речи (MOS)", "Voice quality (MOS)"),
}

_TEST: dict[str, FactSpec] = {
    "probe.walk_ratio": _number("", 600, "Размер обхода к прошлому", "Size of the walk against the last"),
    "probe.done_n": _count(None, "Закончено проверок", "Probes finished"),
    "probe.planned_n": _count(None, "Задумано проверок", "Probes planned"),
    "probe.elapsed_s": _number("s", None, "Идёт проверка", "Since the test began"),
    "probe.sources_down": _count(300, "Своих источников без ответа", "Own data sources without an answer"),
}

#: name → what it means. The names are contracts with other programs (line-test packs, imports, ticket systems).
FACTS: Mapping[str, FactSpec] = {**_CONTEXT, **_ONT, **_PON, **_NETWORK, **_CPE, **_COPPER, **_TV_VOICE, **_TEST}
