/// Every operation that the kernel holds, by token.
///
/// The table lives in the core so that stale, duplicate and reordered completions are part of what
/// the simulation tests.
struct InFlightTable {
  /// What an operation was for.
  enum Purpose: Equatable {
    case connect(ConnectionID)
    case accept(ConnectionID)
    case send(ConnectionID)
    case receive(ConnectionID)
    case read
    case write
    /// The read at an offset that fills a slot.
    case readAt(SlotID)
    /// The write at its offset of the frame with this number.
    case writeAt(number: UInt64)
    case flush
    case writeJournal
    case watchOutput
    case command
    case synchronize
    /// The read of a piece of the output into a slot.
    case readBack(SlotID)
    case publish
    /// A zero-copy send has completed, but the kernel still reads the slot. The connection is named
    /// with its serial number: its place may be another connection's by then.
    case release(SlotID, ConnectionID, serial: UInt64)
  }

  private struct Entry {
    var purpose: Purpose?
    var generation: UInt64 = 0
  }

  private var entries: [Entry]
  private var free: [Int]
  /// Completions whose token was not in flight: dropped, and counted.
  private(set) var staleCount = 0

  /// How many operations are in flight.
  var count: Int { entries.count - free.count }

  /// Makes room: per connection one send and one receive (or one connect or accept), for a command
  /// one, and for input and output four, or as many as are read or written at offsets with a flush
  /// beside them.
  init(connectionCount: Int) {
    entries = []
    free = []
    grow(by: connectionCount * 2 + 5 + max(Limits.readsInFlight, Limits.writesInFlight))
  }

  /// Makes room for the zero-copy releases of `slotCount` slots, one for each copy of a frame.
  mutating func makeRoom(slotCount: Int) { grow(by: slotCount * Limits.copiesPerFrame) }

  private mutating func grow(by count: Int) {
    free += (entries.count..<entries.count + count).reversed()
    entries += Array(repeating: Entry(), count: count)
  }

  /// What an operation in flight is for; nil for a stale token.
  func purpose(of token: OperationToken) -> Purpose? {
    guard token.index < entries.count, entries[token.index].generation == token.generation else {
      return nil
    }
    return entries[token.index].purpose
  }

  /// Takes an operation in; there is always room, by construction.
  mutating func begin(_ purpose: Purpose) -> OperationToken {
    guard let index = free.popLast() else { preconditionFailure("in-flight table is full") }
    entries[index].purpose = purpose
    entries[index].generation += 1
    return OperationToken(index: index, generation: entries[index].generation)
  }

  /// Takes an operation out; nil, and counted, if the token is not in flight.
  mutating func end(_ token: OperationToken) -> Purpose? {
    guard token.index < entries.count, entries[token.index].generation == token.generation,
      let purpose = entries[token.index].purpose
    else {
      staleCount += 1
      return nil
    }
    entries[token.index].purpose = nil
    free.append(token.index)
    return purpose
  }

  /// Keeps a token in flight for its second completion.
  mutating func awaitRelease(
    _ token: OperationToken,
    of slot: SlotID,
    on id: ConnectionID,
    serial: UInt64
  ) {
    entries[token.index].purpose = .release(slot, id, serial: serial)
    // `end` put the index at the top of the free list one statement ago.
    precondition(free.last == token.index, "a token is kept right after it ended")
    free.removeLast()
  }
}
