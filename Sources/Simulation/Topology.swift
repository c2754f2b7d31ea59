import Transfer

/// The links between two hosts, and which of them chance puts a connection on.
///
/// What is modelled: every link is a queue for each direction; connections share it as they fill it,
/// each with a congestion window that doubles, then grows by steps, and shrinks when a switch's queue
/// gets long. In its own host a connection has no more waiting than a millisecond's worth, as TCP
/// small queues have it. A cable is one link with two names; with a switch there is a link to it and
/// one from it. What is not: losses, headers, unfair congestion control, buffers of sockets that are
/// too small. Queues are as deep as TCP needs, because it is not TCP that is tried here.
struct Topology {
  /// Payload of each link in bytes per second, at the sender and at the receiver.
  var rates: [[Int]]
  /// One way, in nanoseconds.
  var delay: Int64
  /// Whether the sender foresees which of its links a connection takes.
  var isAimed: Bool
  /// Memory at either end, in bytes.
  private(set) var memoryByteCount = 32 << 20
  /// Whether a switch in between hashes again; if not, both ends of a cable carry the same.
  var isSwitched: Bool

  /// Draws one: 1 to 8 links, 10 Mbit/s to 10 Gbit/s, 0 to 2 hashes, 0 to 80 ms.
  init(_ random: inout SplitMix64) {
    let count = random.int(1...8)
    isAimed = random.chance(0.5)
    isSwitched = count > 1 && random.chance(0.4)
    delay = random.chance(0.3) ? 20_000 : Int64(random.magnitude(50_000...80_000_000))
    let base = random.magnitude(1_250_000...1_250_000_000)
    // Bonds have equal links as a rule.
    let isEqual = random.chance(0.6)
    func draw(_ count: Int) -> [Int] {
      (0..<count).map { _ in isEqual ? base : random.magnitude(1_250_000...1_250_000_000) }
    }
    let here = draw(count)
    rates = [here, isSwitched ? draw(random.int(1...8)) : here]
    // What the user of a long path would ask for: queues may double what is on its way, and half of
    // the window is what the core gives its connections ahead.
    if random.chance(0.5) { memoryByteCount = max(memoryByteCount, min(product * 4, 2000 << 20)) }
  }

  /// What the slower end's links carry together, in bytes per second.
  var sum: Int { min(rates[0].reduce(0, +), rates[1].reduce(0, +)) }

  /// Bytes on their way when all links are full, and no queue is.
  var product: Int { sum / 1_000_000 * Int(delay * 2 / 1000) }

  /// What can be reached, in bytes per second: all that is on its way is in memory, until it is
  /// acknowledged, which is after 10 ms or a quarter of the memory.
  var reachable: Int {
    let late = 2 * delay + Limits.acknowledgeDelay.inNanoseconds
    let byTime = memoryByteCount * 1_000_000 / Int(late / 1000)
    let byCount = memoryByteCount * 3 / 4 * 1_000_000 / Int(2 * delay / 1000)
    return min(sum, max(byTime, byCount))
  }

  /// How long the choice of connections, slow starts and repairs may take, and how long what was sent
  /// before any rate was known: a window.
  var settling: Int64 {
    let choice: Int64 = isAimed && !isSwitched ? 2_000_000_000 : 6_000_000_000
    return choice + 40 * delay + time(of: memoryByteCount)
  }

  /// What is measured after that.
  var measured: Int64 { max(1_000_000_000, time(of: 8 << 20)) }

  private func time(of byteCount: Int) -> Int64 { Int64(byteCount) * 1_000_000 / Int64(sum / 1000) }
}

/// One end's link in one direction: a queue that is served at the link's rate.
struct Wire {
  let rate: Int
  /// Above so many bytes, connections are told to slow down.
  let queueLimit: Int
  /// Until when it is busy with what it has.
  private(set) var freeAt: Int64 = 0
  /// Bytes that have left it.
  var byteCount: UInt64 = 0

  init(rate: Int, delay: Int64) {
    self.rate = rate
    // What a switch has for a port, netlab too, or what TCP needs to keep a long path full.
    queueLimit = max(1 << 20, rate / 1_000_000 * Int(delay * 2 / 1000))
  }

  /// Puts bytes behind those that wait; says when they are through, and whether the queue is long.
  mutating func take(_ bytes: Int, at now: Int64) -> (at: Int64, isLong: Bool) {
    freeAt = max(freeAt, now) + Int64(bytes) * 1_000_000_000 / Int64(rate)
    let waiting = Int((freeAt - now) / 1000) * (rate / 1000) / 1000
    return (freeAt, waiting > queueLimit)
  }
}

/// How much a connection may have on its way, as congestion control has it.
struct CongestionWindow {
  private(set) var byteCount = 10 * 1448
  private var isStarting = true
  /// Nothing below this tells anything new of a queue that was told of before.
  private var recovery = 0
  /// A queue on the way was long.
  var isMarked = false

  /// Takes in an acknowledgement of so many bytes; `step`: what a round trip adds later on.
  mutating func didAcknowledge(_ count: Int, upTo place: Int, sent: Int, isUsed: Bool, step: Int) {
    if isMarked, place > recovery {
      isStarting = false
      recovery = sent
      byteCount = max(byteCount * 3 / 4, 2 * 1448)
    } else if isUsed, !isMarked {
      byteCount += isStarting ? count : max(step * count / byteCount, 1)
    }
    isMarked = false
  }
}

/// How a simulated topology was used.
public struct TopologyUse: Sendable {
  /// Links at the sender and the receiver, the delay, and whether the sender can aim.
  public var text = ""
  /// Bytes that arrived after settling, each once, in thousandths of what could have arrived.
  public var permille = 0
  /// The least of them that will do.
  public static let permilleLimit = 950
  /// Connections that joined or were lost after settling.
  public var changeCount = 0
  /// The most of them; half are candidates that go again.
  public static let changeLimit = 4
  /// Whether it was measured, and was not what it is to be.
  public var isMiss: Bool {
    permille > 0 && (permille < Self.permilleLimit || changeCount > Self.changeLimit)
  }
}
