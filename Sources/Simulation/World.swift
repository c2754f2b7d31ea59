import Synchronization
import Transfer
import Wire

/// A completion on its way from the kernel to a process.
struct Completion {
  var event: Event
  /// Place and operation that are no longer in flight once the process has seen it.
  var ends: Flight?
  /// Slot that the kernel no longer uses then.
  var slot: SlotID?
  /// A second copy of a completion that was delivered already.
  var isCopy = false
}

/// What is in flight, as the oracle counts it.
enum Flight {
  case connect(ConnectionID)
  case send(ConnectionID)
  case receive(ConnectionID)
  case read
  case write
  case watch
  case synchronize
  case flush
}

/// One socket operation that the virtual kernel holds.
struct SocketOperation {
  var token: OperationToken
  var region: Region
  var progress = 0
  var isZeroCopy = false

  var remaining: Int { region.byteCount - progress }
  /// Whether it moves a message, and not payload.
  var isOfBytes: Bool { if case .control = region { true } else { false } }
}

/// One direction of a connection: from `sides[d]` to `sides[1 - d]`; all counts are since the start.
struct Direction {
  /// Bytes from `readCount` to `acceptedCount`.
  var bytes = ByteQueue()
  var acceptedCount = 0
  var sentCount = 0
  var arrivedCount = 0
  var readCount = 0
  /// What the sender's TCP knows to have arrived.
  var acknowledgedCount = 0
  /// A segment is being put on the wire.
  var isBusy = false
  /// Segments of an older epoch were lost.
  var epoch = 0
  var lastArrival: Int64 = 0
  var isFinished = false
  var finSent = false
  var finArrived = false
  /// Nothing of this direction arrives any more: one half of a silent death.
  var isDead = false
  /// Where links are shared: TCP's window, and bytes that wait in the queue of the link here.
  var window = CongestionWindow()
  var queuedCount = 0
}

/// One end of a connection, as its host's kernel sees it.
struct Side {
  enum State {
    /// Nobody is there yet: before the connection is established.
    case none
    case open
    /// The process has closed it; the kernel still delivers what was sent.
    case closed
    /// The kernel has forgotten it: whatever arrives is answered with a reset.
    case gone
  }
  var state = State.none
  /// The process: 0 sender, 1 receiver, 2 a stranger; -1 while it waits in the backlog.
  var owner = -1
  /// The place in the process's table, or the number of the stranger.
  var place = -1
  var error: Failure.Kind?
  var send: SocketOperation?
  var receive: SocketOperation?
  /// Zero-copy sends whose bytes are not all acknowledged yet.
  var pinned: [(token: OperationToken, slot: SlotID, until: Int)] = []
  var lastAnswer: Int64 = 0
}

/// One TCP connection of the virtual network.
struct VirtualConnection {
  var link: Int
  /// Where links are shared: the one at the sender and the one at the receiver.
  var crossing: [Int] = []
  /// Bytes per second.
  var rate: Int
  var latency: Int64
  var directions = [Direction(), Direction()]
  /// The dialler and the listener.
  var sides = [Side(), Side()]
  /// The connect operation, until it is answered.
  var connect: (node: Int, token: OperationToken, id: ConnectionID)?
  var isEstablished = false
}

/// Bytes that were accepted and not yet read.
struct ByteQueue {
  private(set) var bytes: [UInt8] = []
  private var head = 0

  var count: Int { bytes.count - head }

  mutating func append(_ more: ArraySlice<UInt8>) { bytes.append(contentsOf: more) }

  mutating func flip(at distance: Int, with mask: UInt8) { bytes[head + distance] ^= mask }

  /// The first `count` bytes; valid until the next change.
  func first(_ count: Int) -> ArraySlice<UInt8> { bytes[head..<(head + count)] }

  mutating func drop(_ count: Int) {
    head += count
    // Moving the rest is cheap as long as it happens once per many bytes.
    if head == bytes.count || head > 65_536 {
      bytes.removeFirst(head)
      head = 0
    }
  }

  /// Keeps only the first `count` bytes.
  mutating func truncate(to count: Int) { bytes.removeLast(max(self.count - count, 0)) }
}

/// One of the two processes: what the driver would hold.
final class Node {
  struct Place {
    var connection = -1
    var side = 0
    var sendCount = 0
    var receiveCount = 0
    var connectCount = 0
    var isOpen = false
    var isStopped = false
    var incoming = [UInt8](repeating: 0, count: Session.controlBufferByteCount)
    var outgoing = [UInt8](repeating: 0, count: Session.controlBufferByteCount)

    /// Writes into the outgoing control buffer.
    mutating func write(_ body: (inout MutableSpan<UInt8>) -> Void) {
      var bytes = outgoing.mutableSpan
      body(&bytes)
    }
  }

  struct SlotUse {
    var readers = 0
    var writers = 0
  }

  var session: Session
  let role: Role
  var isAlive = true
  var frozenUntil: Int64 = 0
  var hasStarted = false
  var hasLost = false
  /// When it last heard a reset or a refusal, from its peer's host or from a fault.
  var rejectedAt: Int64 = -1_000_000_000_000
  /// When the receiver first had a verdict to give.
  var verdictAt: Int64?
  var outcome: Outcome?
  var geometry: Geometry?
  var arena: [UInt8] = []
  var uses: [SlotUse] = []
  var places: [Place] = []
  var command: VirtualCommand?
  var accept: (token: OperationToken, id: ConnectionID)?
  var backlog: [Int] = []
  var ready: [Completion] = []
  /// Completions that were delivered once and may come again.
  var copies: [Completion] = []
  /// Zero-copy sends whose completion is on its way.
  var unseen: [OperationToken] = []
  var turnAt = Int64.max
  var idleTurns = 0
  var turnCount = 0
  var endedAt: Int64?

  /// Whether its process runs: from its start to its end.
  var isRunning = false

  init(_ options: Options, startsAt: Int64) {
    session = Session(options, at: Instant(nanoseconds: startsAt))
    role = options.role
  }
}

/// Everything there is in one simulation, and the only owner of time and chance.
struct World {
  let plan: Plan
  var now: Int64 = 0
  var random: SplitMix64
  var queue = EventQueue()
  var trace: Trace
  var marks = Marks()
  var ledger = Ledger()
  var nodes: [Node] = []
  var connections: [VirtualConnection] = []
  var links: [Link]
  var strangers: [Stranger]
  /// What the first dialled connection said, for a replay: hello and confirm.
  var recorded: [UInt8] = []
  var recordedConnection: Int?
  var input: VirtualInput
  var output: VirtualOutput
  /// Links that connections share, where a topology is simulated.
  var wires: Wires?
  /// Payload that the sender has begun and its limit has not yet paid for.
  var pace = (byteCount: 0.0, at: Int64(0))
  var isHealed = false
  var stepCount = 0
  /// The first oracle that was violated.
  var failure: String?

  /// One link between the two hosts.
  struct Link {
    /// Bytes per second.
    var rate: Int
    var latency: Int64
    /// Until when what a host sends over it is lost.
    var downUntil: [Int64] = [0, 0]
  }

  init(plan: Plan, sink: (@Sendable (String) -> Void)?) {
    self.plan = plan
    random = SplitMix64(seed: plan.seed ^ 0x776F_726C_6400_0000)
    trace = Trace(sink: sink)
    links = plan.links.map { Link(rate: $0.rate, latency: $0.latency) }
    wires = plan.topology.map(Wires.init)
    strangers = plan.strangers.map { Stranger(kind: $0.kind) }
    input = VirtualInput(plan)
    output = VirtualOutput(plan, input.content)
    for role in [Role.sender, .receiver] {
      let node = Node(plan.options(for: role), startsAt: plan.startAt[nodes.count])
      node.command = plan.commands[nodes.count].map { VirtualCommand(plan: $0) }
      nodes.append(node)
    }
  }

  /// The node that listens.
  var listener: Int { plan.senderDials ? 1 : 0 }

  mutating func fail(_ sentence: String) {
    guard failure == nil else { return }
    failure = sentence
    note(99, 0, "FAILED: \(sentence)")
  }

  mutating func note(_ code: Int, _ detail: Int, _ text: @autoclosure () -> String) {
    trace.note(now, code, detail, text())
  }

  mutating func after(_ delay: Int64, _ event: WorldEvent) { queue.add(event, at: now + delay) }
}

/// Random bits for a session, from a seed; `Sendable` as the core wants it, so the state is atomic.
final class RandomSource: RandomNumberGenerator, Sendable {
  private let state: Atomic<UInt64>

  init(seed: UInt64) { state = Atomic(seed) }

  func next() -> UInt64 {
    SplitMix64.mix(state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue)
  }
}
