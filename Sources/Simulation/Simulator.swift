import Transfer
import Wire

/// How one simulated transfer went.
public struct Report: Sendable {
  /// What it was drawn from.
  public let seed: UInt64
  /// The oracle that was violated, as a sentence; nil if none was.
  public let failure: String?
  /// A number that is the same for the same seed in every process.
  public let traceHash: UInt64
  /// Events of the world.
  public let stepCount: Int
  /// Virtual time until the end, in nanoseconds.
  public let duration: Int64
  /// How the sender and the receiver ended.
  public let outcomes: [String]
  /// How often each `Mark` was reached, by raw value.
  public let markCounts: [Int]

  /// Whether every oracle was content.
  public var isGood: Bool { failure == nil }
}

/// Two real sessions in a virtual world, drawn from a seed.
public struct Simulator {
  /// Events of one run; the longest good ones need about a tenth.
  private static let stepLimit = 3_000_000
  /// Virtual time that the longest stall, the longest wait and the longest patience need together.
  private static let timeLimit: Int64 = 300_000_000_000

  private let seed: UInt64

  /// Prepares the world of a seed.
  public init(seed: UInt64) { self.seed = seed }

  /// Runs it to its end, or to the first violated oracle.
  ///
  /// - Parameter sink: takes every line of the trace; without it no text is made, and all happens
  ///   just the same.
  public func run(sink: (@Sendable (String) -> Void)? = nil) -> Report {
    var world = World(plan: Plan(seed: seed), sink: sink)
    world.start()
    while world.failure == nil, !world.isOver, let next = world.queue.next() {
      world.now = next.time
      world.stepCount += 1
      world.step(next.event)
      if world.stepCount > Self.stepLimit { world.fail("no end after \(Self.stepLimit) steps") }
      if world.now > Self.timeLimit {
        world.fail("no end after \(Self.timeLimit / 1_000_000_000) s")
      }
    }
    if world.failure == nil { world.checkAtTheEnd() }
    return Report(
      seed: seed,
      failure: world.failure,
      traceHash: world.trace.hash,
      stepCount: world.stepCount,
      duration: world.now,
      outcomes: world.nodes.map { $0.outcome.map { "\($0)" } ?? ($0.isAlive ? "-" : "killed") },
      markCounts: world.marks.counts
    )
  }
}

extension World {
  var isOver: Bool { nodes.allSatisfy { !$0.isAlive || $0.outcome != nil } }

  mutating func start() {
    for n in nodes.indices { wake(n, after: max(plan.startAt[n], 1)) }
    for (index, entry) in plan.faults.enumerated() { queue.add(.fault(index), at: entry.at) }
    for (index, entry) in plan.strangers.enumerated() {
      queue.add(.stranger(index, step: 0), at: entry.at)
    }
    queue.add(.heal, at: plan.healAt)
  }

  mutating func step(_ event: WorldEvent) {
    switch event {
    case .turn(let node): turn(node)
    case .ready(let node, let completion): becameReady(node, completion)
    case .segmentLeft(let c, let d, let byteCount, let epoch): segmentLeft(c, d, byteCount, epoch)
    case .segmentArrived(let c, let d, let byteCount, let epoch):
      segmentArrived(c, d, byteCount, epoch)
    case .transmit(let c, let d): transmit(c, d)
    case .knock(let c, let attempt): knock(c, attempt)
    case .established(let c): established(c)
    case .resetArrived(let c, let side):
      if connections[c].isEstablished {
        resetArrived(c, side, error: .reset)
      } else {
        refuseConnect(c)
      }
    case .userTimeout(let c, let side): resetArrived(c, side, error: .timedOut)
    case .endpoint(let node): endpointReady(node)
    case .fault, .linkReturns, .stranger, .heal: break
    case .interrupt(let node): interrupt(node)
    }
  }

  mutating func interrupt(_ n: Int) {}

  mutating func checkAtTheEnd() {
    if !isOver { fail("nothing happens any more, and \(name(nodes[0].isRunning ? 0 : 1)) waits") }
  }

  /// Flips one bit of what was just sent, now and then.
  mutating func corrupt(_ c: Int, _ d: Int, newest byteCount: Int) {}
}

extension Report: CustomStringConvertible {
  /// What happened, in two lines, and the trace hash to compare with another run.
  public var description: String {
    """
    seed \(seed): sender \(outcomes[0]), receiver \(outcomes[1])
    \(stepCount) steps, \(duration / 1_000_000) ms, trace \(String(traceHash, radix: 16))
    """
  }
}
