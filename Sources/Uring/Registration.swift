internal import CLiburing

/// Which pieces of the arena the kernel knows.
///
/// A piece is registered when it is first used. All at once would be simpler, but registering makes
/// the memory real: 32 MiB took up to 0.1 s on a virtual machine that gives what is free back to its
/// host, and most transfers never use all of it.
struct Registration {
  /// Pieces of one length, one behind the other.
  private struct Row {
    let range: ArenaRange
    let pieceByteCount: Int
    let firstPlace: Int
  }

  /// Most bytes that are wanted.
  let wantedByteCount: Int
  /// Most bytes that the locked-memory limit lets us have, if nobody else has any.
  let possibleByteCount: Int
  /// The locked-memory limit in bytes; `UInt64.max`: none.
  let limit: UInt64
  /// Bytes that are registered.
  private(set) var byteCount = 0
  private var roomByteCount: Int
  private var rows: [Row] = []
  /// By place in the kernel's table; as many as there are pieces.
  private var isRegistered: [Bool] = []
  /// Size of the kernel's table; 0: there is none.
  let placeCount: Int

  /// Less is not worth a second way through the kernel.
  private static let floor = 1 << 20
  /// What is left of a locked-memory limit, since all processes of the user share it: Linux 6.14 and
  /// later charge rings to it, 100 KiB each, and those of our user's other braids must fit as well.
  private static let margin = 512 << 10

  /// Describes what may be registered; nothing is yet.
  init(wantedByteCount: Int, placeCount: Int, limit: UInt64) {
    self.wantedByteCount = wantedByteCount
    self.placeCount = placeCount
    self.limit = limit
    let allowed = limit == .max ? wantedByteCount : (Int(clamping: limit) - Self.margin) & ~4095
    let ceiling = placeCount == 0 ? 0 : min(wantedByteCount, allowed)
    possibleByteCount = ceiling == wantedByteCount || ceiling >= Self.floor ? ceiling : 0
    roomByteCount = possibleByteCount
  }

  /// Cuts a part of the arena into pieces that are registered one by one; a last shorter one is not.
  mutating func divide(_ range: ArenaRange, pieceByteCount: Int) {
    let firstPlace = isRegistered.count
    let count = min(range.count / pieceByteCount, placeCount - firstPlace)
    let whole = ArenaRange(offset: range.offset, count: count * pieceByteCount)
    rows.append(Row(range: whole, pieceByteCount: pieceByteCount, firstPlace: firstPlace))
    isRegistered += Array(repeating: false, count: count)
  }

  /// The place of the piece in which a range lies, once `register`, which asks the kernel, has had its
  /// way; nil if that cannot be, or was refused.
  mutating func place(of range: ArenaRange, register: (Int, ArenaRange) -> Bool) -> Int? {
    for row in rows where range.offset >= row.range.offset && range.end <= row.range.end {
      let index = (range.offset - row.range.offset) / row.pieceByteCount
      let start = row.range.offset + index * row.pieceByteCount
      let piece = ArenaRange(offset: start, count: row.pieceByteCount)
      guard range.end <= piece.end else { return nil }
      let place = row.firstPlace + index
      if isRegistered[place] { return place }
      guard piece.count <= roomByteCount else { return nil }
      guard register(place, piece) else {
        roomByteCount = 0
        return nil
      }
      isRegistered[place] = true
      byteCount += piece.count
      roomByteCount -= piece.count
      return place
    }
    return nil
  }

  /// The places to give back after a refusal, so that the margin is free again.
  ///
  /// What others have locked cannot be asked for: the kernel refuses when nothing is left.
  mutating func placesToEmpty() -> [Int] {
    var places: [Int] = []
    var freed = 0
    for row in rows.reversed() {
      for index in (0..<row.range.count / row.pieceByteCount).reversed() where freed < Self.margin {
        let place = row.firstPlace + index
        guard isRegistered[place] else { continue }
        isRegistered[place] = false
        freed += row.pieceByteCount
        places.append(place)
      }
    }
    byteCount -= freed
    return places
  }
}

// MARK: - With the kernel

extension Ring {
  /// Cuts a part of the arena into pieces, each of which is registered when it is first used.
  ///
  /// - Parameters:
  ///   - range: lies in the arena, and in no earlier one; what is over at its end is never registered.
  ///   - pieceByteCount: a multiple of 4096, at most 1 GiB (io_uring_register(2)).
  public mutating func divide(_ range: ArenaRange, pieceByteCount: Int) {
    precondition(pieceByteCount > 0 && pieceByteCount % 4096 == 0, "pieces are whole pages")
    precondition(range.end <= arena.byteCount, "a part beyond the arena")
    registration.divide(range, pieceByteCount: pieceByteCount)
  }

  /// Registers the piece in which a range lies, if it is not yet.
  ///
  /// - Returns: whether operations on the range go by its place, as zero-copy sends should.
  public mutating func register(_ range: ArenaRange) -> Bool { place(of: range) != nil }

  mutating func place(of range: ArenaRange) -> Int? {
    var isRefused = false
    let place = registration.place(of: range) { place, piece in
      let pointer = unsafe arena.pointer(piece)
      isRefused = unsafe clu_buffers_set(handle, UInt32(place), pointer, piece.count) != 0
      return !isRefused
    }
    guard isRefused else { return place }
    // What is prepared may go by one of the places: the kernel looks there when it is submitted.
    guard (try? submit()) != nil else { return nil }
    for place in registration.placesToEmpty() {
      _ = unsafe clu_buffers_set(handle, UInt32(place), nil, 0)
    }
    return nil
  }

  /// Bytes of the arena that are registered so far.
  public var registeredByteCount: Int { registration.byteCount }

  /// One sentence for `--verbose`: how much memory will be registered, and why not more.
  public var registrationText: String {
    let whole = byteCountText(UInt64(registration.wantedByteCount))
    let possible = registration.possibleByteCount
    if possible == registration.wantedByteCount { return "registers up to \(whole) of buffers" }
    if registration.placeCount == 0 {
      return "registers none of \(whole) of buffers: the kernel has no table for them (Linux 5.19)"
    }
    let part = possible == 0 ? "none" : "up to \(byteCountText(UInt64(possible)))"
    let limit = byteCountText(registration.limit)
    return "registers \(part) of \(whole) of buffers: the locked-memory limit is \(limit)"
  }
}
