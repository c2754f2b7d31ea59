internal import Glibc
internal import Transfer
internal import Uring
internal import Wire

/// What the engines of one run have in common: the ring, the sockets' options, and who hears of it.
final class Common {
  let network: Network
  var ring: Ring
  let observer: any Observer
  /// What has been advised already.
  var advised: Set<String> = []
  /// Connections that the first session of a pair has let in for the second.
  var handedOver: [(socket: ConnectionSocket, hello: Greeting)] = []
  /// Operations that found the submission queue full; they go first in the next turn.
  private var waiting: [(Uring.Operation, UInt64)] = []

  init(_ network: Network, _ ring: consuming Ring, _ observer: any Observer) {
    self.network = network
    self.ring = ring
    self.observer = observer
  }

  /// Hands an operation to the ring; a full queue is emptied first.
  func enqueue(_ operation: Uring.Operation, userData: UInt64) {
    if ring.enqueue(operation, userData: userData) { return }
    try? ring.submit(waitingFor: 0)
    // A second refusal means that the kernel is short of memory: next turn.
    if !ring.enqueue(operation, userData: userData) { waiting.append((operation, userData)) }
  }

  /// Random bytes in all slots, so that no link or disk between the hosts can make them smaller.
  ///
  /// Before anybody is met: it takes milliseconds, and they are not to be measured.
  func fillMemory(_ byteCount: Int) {
    var generator = SystemRandomNumberGenerator()
    var state = generator.next() | 1
    ring.arena.withMutableBytes(ArenaRange(offset: 0, count: byteCount)) { bytes in
      var words = unsafe bytes.mutableBytes
      // xorshift64, a word at a time: it need not be good.
      for place in stride(from: 0, to: byteCount & ~7, by: 8) {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        words.storeBytes(of: state, toByteOffset: place, as: UInt64.self)
      }
    }
  }

  /// Tries again what did not fit in the last turn.
  func enqueueWaiting() {
    let late = waiting
    waiting = []
    for (operation, userData) in late { enqueue(operation, userData: userData) }
  }
}

/// What the 64 bits say that come back with a completion: 1, 2, or a token with flags.
enum UserData {
  /// Of operations that nobody waits for.
  static let ignored: UInt64 = 1
  /// Of the poll on the signal descriptor.
  static let signal: UInt64 = 2
  /// Of a poll for a descriptor that would not block.
  static let readinessFlag: UInt64 = 1 << 63
  /// Of the second session of a pair; no generation of a token comes that far.
  static let partnerFlag: UInt64 = 1 << 62
}

/// What belongs to one place of the connection table.
struct ConnectionSocket {
  var descriptor: Int32?
  var peer: SocketAddress?
  /// The address here, where it was accepted.
  var local: SocketAddress?
  /// The port that was chosen for its link.
  var boundPort: UInt16?

  /// Closes it, if it is open.
  func close() {
    if let descriptor { _ = Glibc.close(descriptor) }
  }
}
