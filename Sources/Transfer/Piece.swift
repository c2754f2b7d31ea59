/// A part of a slot on its way from or to an offset of the stream, by one operation.
struct Piece: Equatable {
  let slot: SlotID
  /// Bytes of the slot, counted from the start of the payload; at most `Limits.pieceByteCount`.
  let range: Range<Int>
  /// Offset in the stream of the first of them.
  let offset: UInt64

  /// The first part of what is left of a frame.
  ///
  /// - Parameters:
  ///   - slot: holds the frame.
  ///   - start: bytes of the payload that are done.
  ///   - end: length of the payload, in bytes; more than `start`.
  ///   - frameOffset: offset of the frame in the stream; with `end` it stays below 2^64.
  init(slot: SlotID, from start: Int, to end: Int, of frameOffset: UInt64) {
    self.slot = slot
    range = start..<min(end, start + Limits.pieceByteCount)
    offset = frameOffset + UInt64(start)
  }
}
