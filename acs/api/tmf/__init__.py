"""The TM Forum interfaces under /tmf-api, one file each."""

from acs.api.tmf.alarms import router as alarms_router
from acs.api.tmf.service_problems import router as service_problems_router
from acs.api.tmf.service_tests import router as service_tests_router
from acs.api.tmf.tickets import router as tickets_router

TMF_ROUTERS = (service_tests_router, service_problems_router, alarms_router, tickets_router)

__all__ = ["TMF_ROUTERS"]
