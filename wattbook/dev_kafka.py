"""Apache Kafka on loopback, for trying out and for tests: one node, or three of which any one may be lost.

Every node is broker and controller (KRaft; there is no ZooKeeper). Only 127.0.0.1 is listened on, and nobody has to log in.
Java reads the jars that `./run` laid into .kafka/libs. A node has 384 MB of heap: enough to try out and to test with, no more.
Kafka does not refuse root, so it runs as whoever we are: a user of its own might not be able to read the jars.
"""

import base64
import signal
import socket
import struct
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wattbook.dev_process import LOOPBACK, ServerProcess, ServersError, program, run_to_end

ROOT = Path(__file__).parent.parent
LIBS = ROOT / ".kafka" / "libs"
_LOG4J = ROOT / "broker" / "log4j2.properties"
_START_S_MAX = 180  # one node takes 5 to 8 s on an idle machine; a busy one takes many times that
_STOP_S_MAX = 60  # three nodes that stop together take 6 s on an idle machine
_TOOL = "kafka.tools.StorageTool"


def new_cluster_id() -> str:
    """128 random bits as Kafka writes them; a leading dash would look like an option."""
    made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return made if not made.startswith("-") else "A" + made[1:]


class KafkaCluster:
    """Nodes 1, 2, …; each keeps its records in a folder of its own, and finds them again when it is started again."""

    def __init__(
        self,
        folder: Path,
        cluster_id: str,
        ports: Sequence[tuple[int, int]],
        libs: Path = LIBS,
        java_options: Sequence[str] = (),
    ) -> None:
        """`ports` has one pair for each node: where clients connect, and where controllers do."""
        self.folder, self.cluster_id, self._libs, self._java_options = folder, cluster_id, libs, java_options
        self._ports = dict(enumerate(ports, start=1))
        self._processes = {node: self._process(node) for node in self._ports}

    @property
    def nodes(self) -> tuple[int, ...]:
        return tuple(self._ports)

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, as clients take them."""
        return ",".join(f"{LOOPBACK}:{client}" for client, _ in self._ports.values())

    def pid(self, node: int) -> int | None:
        """The process of a node; None where it does not run."""
        return self._processes[node].pid

    def launch(self, *nodes: int) -> None:
        """Start these nodes, or all, without waiting."""
        self._check_parts()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._format(node for node in nodes or self.nodes if not (self._records(node) / "meta.properties").exists())
        for node in nodes or self.nodes:
            self._processes[node].launch()

    def start(self, *nodes: int) -> None:
        """Start these nodes, or all, and wait until every running node knows of every running node."""
        self.launch(*nodes)
        self.wait()

    def wait(self) -> None:
        running = {node for node in self.nodes if self.pid(node) is not None}
        for node in running:
            port, _ = self._ports[node]
            self._processes[node].wait_until(lambda port=port: running <= _alive(port), _START_S_MAX)  # type: ignore[misc]

    def kill(self, *nodes: int) -> None:
        """SIGKILL for these nodes, or all: no goodbye to clients or to the other nodes."""
        for node in nodes or self.nodes:
            self._processes[node].signal(signal.SIGKILL)
            self._processes[node].wait_for_end(_STOP_S_MAX)

    def stop(self, *nodes: int) -> None:
        """Stop these nodes, or all: their records are on disk and their ports are free."""
        for node in nodes or self.nodes:
            self._processes[node].signal(signal.SIGTERM)
        for node in nodes or self.nodes:
            self._processes[node].wait_for_end(_STOP_S_MAX)

    @property
    def processes(self) -> tuple[ServerProcess, ...]:
        """The nodes' processes, in order."""
        return tuple(self._processes.values())

    def _process(self, node: int) -> ServerProcess:
        command = [*self._java("-Xms128m", "-Xmx384m"), "kafka.Kafka", str(self._properties(node))]
        return ServerProcess(name=f"kafka-{node}", command=command, folder=self.folder, dies_by=signal.SIGKILL)

    def _java(self, *options: str) -> list[str]:
        log4j = f"-Dlog4j2.configurationFile={_LOG4J.as_uri()}"
        jars = f"{self._libs}/*"  # java itself looks for the jars that the star stands for
        return ["java", *self._java_options, *options, log4j, "-cp", jars]

    def _check_parts(self) -> None:
        program("java", "default-jre-headless")
        if not any(self._libs.glob("kafka_*.jar")):
            raise ServersError(f"Kafka's jars are missing in {self._libs}: `./run dev` and `./run test` fetch them with Maven")

    def _format(self, nodes: Iterable[int]) -> None:
        """Give new nodes the cluster's id. Kafka refuses to start on a folder that has none."""

        def format_(node: int) -> None:
            self._properties(node).write_text(self._configuration(node))
            command = [_TOOL, "format", "-t", self.cluster_id, "-c", str(self._properties(node))]
            run_to_end([*self._java("-Xmx128m"), *command], cwd=self.folder)

        with ThreadPoolExecutor(max_workers=3) as threads:
            list(threads.map(format_, nodes))

    def _records(self, node: int) -> Path:
        return self.folder / f"records-{node}"

    def _properties(self, node: int) -> Path:
        return self.folder / f"node-{node}.properties"

    def _configuration(self, node: int) -> str:
        client, controller = self._ports[node]
        voters = ",".join(f"{n}@{LOOPBACK}:{port}" for n, (_, port) in self._ports.items())
        copies, in_sync = (3, 2) if len(self._ports) >= 3 else (1, 1)
        return _CONFIGURATION.format(**locals(), records=self._records(node), address=LOOPBACK)


# A node that was killed is given up after 4 s instead of Kafka's 9, and groups gather at once: else tests would only wait.
_CONFIGURATION = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{address}:{client},CONTROLLER://{address}:{controller}
advertised.listeners=PLAINTEXT://{address}:{client}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={records}
auto.create.topics.enable=false
num.partitions=4
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=4
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000
group.initial.rebalance.delay.ms=0
"""


def _alive(port: int) -> set[int]:
    """The nodes that the one at this port counts as alive; none while it does not answer.

    Kafka's Metadata request (key 3, version 1) by hand: the port opens before the node is ready, and a client library would
    wait and log on its own account.
    """
    request = struct.pack(">hhihi", 3, 1, 1, -1, 0)  # key, version, correlation, no client's name, no topics
    try:
        with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            stream = connection.makefile("rb")
            (length,) = struct.unpack(">i", stream.read(4))
            return _nodes_in(stream.read(length))
    except (OSError, struct.error):
        return set()


def _nodes_in(answer: bytes) -> set[int]:
    """The answer: correlation, then an array of (node, host, port, rack or length -1); what follows is of no interest here."""
    _, count = struct.unpack_from(">ii", answer)
    nodes, at = set(), 8
    for _ in range(count):
        node, host_length = struct.unpack_from(">ih", answer, at)
        at += 6 + host_length + 4
        (rack_length,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack_length, 0)
        nodes.add(node)
    return nodes
