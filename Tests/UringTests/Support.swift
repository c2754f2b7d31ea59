// Goal: drive a real ring in a few lines per test.
// Method: one small ring per test; every wait is bounded, so a lost completion fails, never hangs.
// A failure here means: the kernel did not do what io_uring's pages say, or a flag is wrong.
import Glibc
import Testing

@testable import Uring

/// Why this machine has no ring; nil when it has one.
let ringRefusal: String? = {
  do throws(RingSetupError) {
    _ = try Ring(RingSetup(arenaByteCount: 4096))
    return nil
  } catch {
    return error.description
  }
}()

private let isRequired = unsafe getenv("REQUIRE_URING").map { unsafe String(cString: $0) } == "1"

/// With REQUIRE_URING=1 a machine without io_uring fails these tests instead of skipping them.
let needsRing: ConditionTrait = .enabled(
  if: ringRefusal == nil || isRequired,
  "\(ringRefusal ?? "io_uring works")"
)

let isRoot = geteuid() == 0

/// The descriptors of one test, closed together.
final class Files {
  private var open: Set<Int32> = []

  func keep(_ descriptor: Int32) -> Int32 {
    open.insert(descriptor)
    return descriptor
  }

  func close(_ descriptor: Int32) {
    open.remove(descriptor)
    _ = Glibc.close(descriptor)
  }

  func closeAll() {
    for descriptor in open { _ = Glibc.close(descriptor) }
    open.removeAll()
  }

  func pipe() throws -> (reader: Int32, writer: Int32) {
    var ends: [Int32] = [-1, -1]
    try #require(unsafe Glibc.pipe(&ends) == 0)
    return (keep(ends[0]), keep(ends[1]))
  }

  /// An empty file without a name.
  func temporary() throws -> Int32 {
    var name = Array("/tmp/uring-test-XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&name)
    try #require(descriptor >= 0)
    unsafe unlink(name)
    return keep(descriptor)
  }

  /// A listening socket on loopback.
  func listener(_ family: SocketAddress.Family = .v4) throws -> (Int32, SocketAddress) {
    let listener = keep(try Socket.tcp(family).release())
    try Socket.bind(listener, to: .loopback(family))
    try Socket.listen(listener)
    return (listener, try Socket.localAddress(listener))
  }

  /// Two ends of a TCP connection on loopback, made by the ring.
  func connection(_ ring: inout Ring) throws -> (Int32, Int32) {
    let (listener, address) = try listener()
    let client = keep(try Socket.tcp(.v4).release())
    ring.start(.connect(.descriptor(client), to: address), userData: 1)
    ring.start(.accept(.descriptor(listener)), userData: 2)
    let done = try ring.collect(2)
    try #require(done[1]?.first?.outcome == .bytes(0))
    let server = try #require(done[2]?.first?.result)
    try #require(server >= 0)
    return (client, keep(server))
  }
}

extension SocketAddress {
  static func loopback(_ family: Family) -> Self {
    switch family {
    case .v4: Self(v4: 0x7f00_0001, port: 0)
    case .v6: Self(v6: 1, port: 0)
    }
  }
}

extension Ring {
  /// Enqueues, which must work.
  mutating func start(_ operation: Operation, userData: UInt64) {
    let isQueued = enqueue(operation, userData: userData)
    #expect(isQueued)
  }

  /// Takes so many completions, waiting two seconds at most, and sorts them by user data.
  mutating func collect(_ count: Int) throws -> [UInt64: [Completion]] {
    var done: [UInt64: [Completion]] = [:]
    var found = 0
    for _ in 0..<40 where found < count {
      try submit(waitingFor: count - found, timeout: .milliseconds(50))
      while found < count, let completion = nextCompletion() {
        done[completion.userData, default: []].append(completion)
        found += 1
      }
    }
    #expect(found == count)
    return done
  }

  /// Runs one operation to its only completion.
  mutating func run(_ operation: Operation) throws -> Completion {
    start(operation, userData: 99)
    return try #require(try collect(1)[99]?.first)
  }

  /// How one operation ends.
  mutating func outcome(_ operation: Operation) throws -> Completion.Outcome {
    try run(operation).outcome
  }

  func fill(_ range: ArenaRange, with seed: UInt8) {
    arena.withMutableBytes(range) { bytes in
      for index in bytes.indices { bytes[index] = seed &+ UInt8(truncatingIfNeeded: index &* 31) }
    }
  }
}

/// Runs a test body with a ring and a set of files, and closes both.
func withRing(
  _ setup: RingSetup = RingSetup(arenaByteCount: 4 << 20),
  _ body: (inout Ring, Files) throws -> Void
) throws {
  let files = Files()
  defer { files.closeAll() }
  var ring = try Ring(setup)
  try body(&ring, files)
}

func range(_ offset: Int, _ count: Int) -> ArenaRange {
  ArenaRange(offset: offset, count: count)
}
