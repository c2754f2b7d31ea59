/// A place in the session's connection table, 0..<`Limits.connectionTableSize`.
///
/// Places are used again after a connection is closed; completions are told apart by their
/// `OperationToken`, never by the place.
public struct ConnectionID: Hashable, Sendable, Comparable {
  /// Index into the connection table.
  public let index: Int

  /// Names a place in the table.
  public init(_ index: Int) { self.index = index }

  /// Orders by index.
  public static func < (left: ConnectionID, right: ConnectionID) -> Bool {
    left.index < right.index
  }
}

/// One registered buffer that holds a frame, 0..<`Geometry.slotCount`.
public struct SlotID: Hashable, Sendable {
  /// Index of the slot in the arena.
  public let index: Int

  /// Names a slot.
  public init(_ index: Int) { self.index = index }
}

/// What comes back with a completion: which operation it was, exactly once.
///
/// The low 16 bits name an entry of the in-flight table, the others its generation, so that a
/// completion that arrives twice or late is recognised and dropped.
public struct OperationToken: Hashable, Sendable {
  /// The 64 bits that travel through the kernel.
  public let rawValue: UInt64

  /// Takes the bits that came back.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  init(index: Int, generation: UInt64) {
    rawValue = generation << 16 | UInt64(index)
  }

  var index: Int { Int(rawValue & 0xFFFF) }
  var generation: UInt64 { rawValue >> 16 }
}

/// A moment, in nanoseconds since some fixed start.
///
/// The core never asks for the time; it is told.
public struct Instant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the start of the clock.
  public var nanoseconds: Int64

  /// A moment so many nanoseconds after the start of the clock.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Orders by time.
  public static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The moment `duration` later.
  public static func + (instant: Instant, duration: Duration) -> Instant {
    Instant(nanoseconds: instant.nanoseconds + duration.inNanoseconds)
  }

  /// The time from `right` to `left`.
  public static func - (left: Instant, right: Instant) -> Duration {
    .nanoseconds(left.nanoseconds - right.nanoseconds)
  }
}

extension Duration {
  /// Whole nanoseconds, cut off; exact for all durations that braid uses (below 292 years).
  public var inNanoseconds: Int64 {
    // One division: `components` makes two of 128 bits, each time it is asked (47 ns in place of 8).
    Int64(attoseconds / 1_000_000_000)
  }
}

/// How the arena is cut into slots, settled by the first handshake.
public struct Geometry: Equatable, Sendable {
  /// Bytes before the payload in every slot: one page, so that payloads are page-aligned (O_DIRECT
  /// needs that); the frame's header stands at the end of it, so that header and payload are sent
  /// from one place by one operation.
  public static let headroom = 4096

  /// Largest payload of a frame, in bytes, a multiple of 4096.
  public let frameByteCount: Int
  /// How many slots there are.
  public let slotCount: Int

  /// Bytes from one slot to the next.
  public var stride: Int { frameByteCount + Self.headroom }

  /// Cuts `memoryByteCount` bytes into slots for frames of `frameByteCount` bytes.
  ///
  /// - Precondition: there is room for `Limits.slotCountMinimum` slots; `Options` makes sure.
  public init(frameByteCount: Int, memoryByteCount: Int) {
    self.frameByteCount = frameByteCount
    slotCount = min(
      memoryByteCount / (frameByteCount + Self.headroom),
      Limits.slotCountMaximum
    )
    precondition(slotCount >= Limits.slotCountMinimum, "Options must leave room for slots")
  }
}
