internal import Glibc
internal import Transfer
internal import Uring

/// A file or disk whose pieces are read or written at offsets.
///
/// Where the file system allows, whole pages pass the page cache by (O_DIRECT). No page is ever
/// written both ways: what starts or ends within one goes through the cache as a whole, so that no
/// stale copy of it can overwrite what went past.
struct Storage {
  /// Alignment of direct access in bytes: a page, and no less than what any disk asks for.
  static let alignment: UInt64 = 4096

  let descriptor: Int32
  /// Open for direct access; nil where that is not possible.
  var direct: Int32?
  /// Where in the file the stream starts.
  let base: UInt64
  /// Whether it is a file that was empty when the stream began.
  let isFresh: Bool
  /// Whether what stands behind the stream is left alone, as writing in order would.
  let keepsRest: Bool
  /// Where what was written ends: a file is made as long as that at last.
  var end: UInt64
  /// Whether it has not yet refused to have holes punched, or to be made zeros.
  var canPunch = true
  var canZero = true
  /// What was asked for, by token, until it has completed.
  var requests: [UInt64: Request] = [:]

  /// One read or write.
  struct Request {
    let operation: Transfer.Operation
    /// Where in the file, and how many bytes.
    let place: UInt64
    let byteCount: Int
    let way: Way
  }

  /// How it is done.
  enum Way {
    case direct, buffered
    case flushed
    // Of zeros:
    case punched, zeroed, written, writtenDirectly
  }

  /// Opens the file behind a descriptor a second time for direct access, where that is possible.
  ///
  /// `written`: bytes of the stream that an earlier run has brought there.
  init(
    _ descriptor: Int32,
    base: UInt64,
    written: UInt64,
    isInput: Bool,
    isFresh: Bool,
    keepsRest: Bool
  ) {
    self.descriptor = descriptor
    self.base = base
    self.isFresh = isFresh
    end = base + written
    self.keepsRest = keepsRest
    direct = Disk.openDirect(descriptor, isInput: isInput)
  }

  /// Takes pages of the cache away that nobody will want again.
  func forget(from place: UInt64, byteCount: UInt64) {
    _ = posix_fadvise(descriptor, off_t(place), off_t(byteCount), POSIX_FADV_DONTNEED)
  }
}

// Reads and writes at offsets; which way a piece goes follows from its alignment alone.
extension Engine {
  func readAt(_ slot: SlotID, _ bytes: Range<Int>, _ offset: UInt64, _ userData: UInt64) {
    guard let storage else { preconditionFailure("a stream has no offsets") }
    let place = storage.base + offset
    let alignment = Int(Storage.alignment)
    let isDirect =
      storage.direct != nil && place % Storage.alignment == 0 && bytes.lowerBound % alignment == 0
    // At the end of the file whole pages are asked for; slots consist of whole pages.
    let count = isDirect ? (bytes.count + alignment - 1) & ~(alignment - 1) : bytes.count
    self.storage?.requests[userData] = Storage.Request(
      operation: .read(slot, bytes, at: offset),
      place: place,
      byteCount: bytes.count,
      way: isDirect ? .direct : .buffered
    )
    enqueue(
      .read(
        .descriptor(isDirect ? storage.direct ?? -1 : storage.descriptor),
        into: range(slot, bytes.lowerBound..<bytes.lowerBound + count),
        at: place
      ),
      userData: userData
    )
  }

  func writeAt(_ slot: SlotID, _ bytes: Range<Int>, _ offset: UInt64, _ userData: UInt64) {
    guard let storage else { preconditionFailure("a stream has no offsets") }
    let place = storage.base + offset
    let alignment = Int(Storage.alignment)
    let whole = bytes.count & ~(alignment - 1)
    let isDirect =
      storage.direct != nil && place % Storage.alignment == 0 && bytes.lowerBound % alignment == 0
      && whole > 0
    // The rest of a piece that ends within a page is asked for again, as after any short write.
    let count = isDirect ? whole : bytes.count
    self.storage?.requests[userData] = Storage.Request(
      operation: .write(slot, bytes, at: offset),
      place: place,
      byteCount: count,
      way: isDirect ? .direct : .buffered
    )
    self.storage?.end = max(storage.end, place + UInt64(bytes.count))
    enqueue(
      .write(
        .descriptor(isDirect ? storage.direct ?? -1 : storage.descriptor),
        from: range(slot, bytes.lowerBound..<bytes.lowerBound + count),
        at: place
      ),
      userData: userData
    )
  }

  func flush(below offset: UInt64, _ userData: UInt64) {
    guard let storage else { preconditionFailure("a stream has no offsets") }
    self.storage?.requests[userData] = Storage.Request(
      operation: .flush(below: offset),
      place: storage.base,
      byteCount: Int(clamping: offset),
      way: .flushed
    )
    enqueue(.synchronize(.descriptor(storage.descriptor), dataOnly: true), userData: userData)
  }

  func write(_ journal: Journal, _ userData: UInt64) {
    guard let file = endpoint.journal else { preconditionFailure("no journal is kept") }
    let offset = Run.journalOffset(session.options)
    let range = ArenaRange(offset: offset, count: Journal.recordByteCount)
    let record = journal.encoded
    common.ring.arena.withMutableBytes(range) { bytes in
      for index in record.indices { bytes[index] = record[index] }
    }
    enqueue(
      .write(.descriptor(file.descriptor), from: range, at: journal.place),
      userData: userData
    )
  }

  func synchronize(_ userData: UInt64) {
    if storage != nil {
      self.storage?.requests[userData] = Storage.Request(
        operation: .synchronize,
        place: 0,
        byteCount: 0,
        way: .flushed
      )
    }
    enqueue(.synchronize(.descriptor(endpoint.descriptor), dataOnly: false), userData: userData)
  }

  /// Gives an output file that is on the disk its own name; nil if all went well.
  func publish() -> Errno? {
    do {
      try endpoint.partial?.publish(mayReplace: plan.isForced)
      isPublished = endpoint.partial != nil
      // The journal is in the same folder, so that both come to the disk by one call. If only its end
      // does before the power goes, all is sent again; nobody was told yet that it is complete.
      if let journal = endpoint.journal {
        try journal.remove()
      } else {
        try endpoint.partial?.folder.synchronize()
      }
      return nil
    } catch {
      return error
    }
  }

  /// Reads what was written from now on; nothing is being written any more.
  func readBack() {
    guard let reading = endpoint.reading, let storage else {
      preconditionFailure("an output that is read back was opened for it")
    }
    self.storage?.closeDirect()
    self.storage = Storage(
      reading,
      base: storage.base,
      written: 0,
      isInput: true,
      isFresh: false,
      keepsRest: true
    )
    // All of it is clean now, so that the kernel lets go of it; 0 bytes mean to the end.
    self.storage?.forget(from: 0, byteCount: 0)
  }

  /// Whether what was read back came through the page cache.
  var isReadBackBuffered: Bool {
    session.statistics.readBackByteCount != nil && storage?.direct == nil
  }

  /// What a completion means for what was asked for; nil if it was asked for again another way.
  func outcome(of completion: Completion) -> Completion.Outcome? {
    guard let request = storage?.requests.removeValue(forKey: completion.userData) else {
      return completion.outcome
    }
    switch (request.operation, completion.outcome) {
    case (.flush, .bytes):
      storage?.forget(from: request.place, byteCount: UInt64(request.byteCount))
      return completion.outcome
    case (.clear, _):
      return outcome(ofClear: request, completion)
    case (_, .failed(.invalid)) where request.way == .direct:
      // This file system wants more than alignment to pages, or refuses it only now.
      storage?.closeDirect()
      submitAgain(request.operation, completion.userData)
      return nil
    case (.read, .bytes(let count)):
      let count = min(count, request.byteCount)
      if request.way == .buffered { storage?.forget(from: request.place, byteCount: UInt64(count)) }
      return .bytes(count)
    default:
      return completion.outcome
    }
  }

  private func submitAgain(_ operation: Transfer.Operation, _ userData: UInt64) {
    switch operation {
    case .read(let slot, let bytes, let offset?): readAt(slot, bytes, offset, userData)
    case .write(let slot, let bytes, let offset?): writeAt(slot, bytes, offset, userData)
    default: preconditionFailure("only reads and writes at offsets are direct")
    }
  }
}

extension Storage {
  /// Makes a file as long as what belongs into it: zeros at its end were left out, or it was longer.
  ///
  /// - Returns: what the kernel says against it.
  func settleLength() -> Errno? {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size != end, !keepsRest || status.st_size < end
    else { return nil }
    return ftruncate(descriptor, off_t(end)) == 0 ? nil : Errno(errno)
  }

  /// Goes on through the page cache; operations under way keep the file open by themselves.
  mutating func closeDirect() {
    if let direct { close(direct) }
    direct = nil
  }
}
