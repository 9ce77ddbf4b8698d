"""Takes a dead worker out of its consumer group, for brokers that do not notice by themselves.

Apache Kafka drops a member that is silent for the session timeout. The embedded broker keeps it, even as the group's
leader, and then nobody is assigned anything. Whoever sees a worker die can say so on its behalf.
"""

import logging
import os

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

from streamapp.brokers import client_options
from streamapp.errors import BrokerError
from streamapp.settings import Settings

log = logging.getLogger(__name__)


def client_id(role: str, pid: int | None = None) -> str:
    """The name under which the worker with this process id is a member of its role's group."""
    return f"streamapp-{role}-{pid or os.getpid()}"


async def evict(settings: Settings, role: str, pid: int) -> int:
    """Make the dead worker `pid` leave the group of `role`; returns how many members that were.

    Raises:
        BrokerError: the broker does not answer.
    """
    group = f"streamapp-{role}"
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=5_000)
    try:
        await admin.start()
        try:
            coordinator = await admin.find_coordinator(group)
            gone = await _members(admin, group, client_id(role, pid))
            for member in gone:
                await admin._client.send(coordinator, LeaveGroupRequest(group, member))
        finally:
            await admin.close()
    except KafkaError as error:
        raise BrokerError(f"the dead worker {pid} could not be taken out of {group}: {error}") from error
    return len(gone)


async def _members(admin: AIOKafkaAdminClient, group: str, client: str) -> list[str]:
    """Ids of the members of `group` that `client` is."""
    found = []
    for response in await admin.describe_consumer_groups([group]):
        for described in response.to_object()["groups"]:
            found += [member["member_id"] for member in described["members"] if member["client_id"] == client]
    return found
