internal import CLiburing

/// A piece of an `Arena`, in bytes from its start.
public struct ArenaRange: Hashable, Sendable {
  /// First byte.
  public let offset: Int
  /// Number of bytes; at most 4 GiB - 1 in an operation.
  public let count: Int

  /// Names `count` bytes from `offset`.
  ///
  /// - Precondition: neither is negative.
  public init(offset: Int, count: Int) {
    precondition(offset >= 0 && count >= 0, "negative arena range")
    self.offset = offset
    self.count = count
  }

  /// The byte after the last one.
  public var end: Int { offset + count }

  /// What is left after the first `skipped` bytes, as after a short write.
  public func dropping(_ skipped: Int) -> Self {
    Self(offset: offset + skipped, count: count - skipped)
  }
}

/// The one block of memory that the kernel reads and writes on our behalf.
///
/// Aligned to 2 MiB, not inherited by a forked child. The owner decides which bytes are whose:
/// while an operation runs on a range, that range is the kernel's.
@safe public struct Arena: ~Copyable {
  /// Size in bytes, a multiple of 4096.
  public let byteCount: Int
  private let base: UnsafeMutableRawPointer

  /// Largest arena: offsets of the wire and of slots stay far below it.
  public static let byteCountLimit = 1 << 40
  private static let pageByteCount = 4096

  /// Maps zeroed memory; a page becomes real when it is first used.
  ///
  /// - Parameters:
  ///   - byteCount: 1 ... `byteCountLimit`, rounded up to pages.
  ///   - hugePages: asks for 2 MiB pages. Under a locked-memory limit each is charged whole, so
  ///     only for those without one.
  /// - Throws: `Errno.noMemory` when the address space or the machine has no room.
  public init(byteCount: Int, hugePages: Bool = false) throws(Errno) {
    precondition((1...Self.byteCountLimit).contains(byteCount), "arena size out of range")
    let rounded = (byteCount + Self.pageByteCount - 1) & ~(Self.pageByteCount - 1)
    var mapped: UnsafeMutableRawPointer?
    try check(unsafe clu_memory_map(rounded, hugePages, &mapped))
    guard let mapped = unsafe mapped else { throw Errno.noMemory }
    unsafe base = mapped
    self.byteCount = rounded
  }

  deinit {
    unsafe clu_memory_unmap(base, byteCount)
  }

  /// Leaves the memory mapped for good, because the kernel may still use it.
  consuming func abandon() {
    discard self
  }

  /// Whole arena.
  public var range: ArenaRange { ArenaRange(offset: 0, count: byteCount) }

  /// Reads a range.
  ///
  /// - Precondition: the range lies in the arena.
  public func withBytes<Result, Failure: Error>(
    _ range: ArenaRange,
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bytes = unsafe UnsafeBufferPointer(
      start: pointer(range).assumingMemoryBound(to: UInt8.self),
      count: range.count
    )
    return try body(unsafe bytes.span)
  }

  /// Writes a range.
  ///
  /// - Precondition: the range lies in the arena, and no operation uses it.
  public func withMutableBytes<Result, Failure: Error>(
    _ range: ArenaRange,
    _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bytes = unsafe UnsafeMutableBufferPointer(
      start: pointer(range).assumingMemoryBound(to: UInt8.self),
      count: range.count
    )
    var span = unsafe bytes.mutableSpan
    return try body(&span)
  }

  /// Computes the XXH3-64 (seed 0) of a range.
  ///
  /// - Precondition: the range lies in the arena.
  /// - Complexity: O(n).
  public func xxh3(_ range: ArenaRange) -> UInt64 {
    unsafe clu_xxh3_64(pointer(range), range.count)
  }

  /// Tells whether all bytes of a range are zero.
  ///
  /// - Precondition: the range lies in the arena.
  /// - Complexity: O(n), and O(1) where the first byte is not.
  public func isZero(_ range: ArenaRange) -> Bool {
    unsafe clu_is_zero(pointer(range), range.count)
  }

  /// Computes a sum over a range in which each byte counts with its place from `offset` on.
  ///
  /// Of two pieces it is the sum of both, modulo 2^64, and of zeros it is 0.
  /// - Precondition: the range lies in the arena.
  /// - Complexity: O(n).
  public func placeSum(_ range: ArenaRange, at offset: UInt64) -> UInt64 {
    unsafe clu_place_sum(pointer(range), range.count, offset)
  }

  /// The address of a range's first byte; the only place where arena addresses are made.
  func pointer(_ range: ArenaRange) -> UnsafeMutableRawPointer {
    precondition(range.offset <= byteCount && range.count <= byteCount - range.offset)
    return unsafe base + range.offset
  }
}

/// Computes the XXH3-64 (seed 0) of bytes outside an arena, such as a header.
///
/// - Complexity: O(n).
public func xxh3(_ bytes: Span<UInt8>) -> UInt64 {
  unsafe bytes.withUnsafeBytes { unsafe clu_xxh3_64($0.baseAddress, $0.count) }
}
