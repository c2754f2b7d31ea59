internal import CLiburing

/// What an operation works on.
public enum RingFile: Hashable, Sendable {
  /// An open descriptor.
  case descriptor(Int32)
  /// A place in the ring's table, filled by `Ring.setFile(_:to:)`.
  case registered(Int)

  fileprivate var kernel: clu_file {
    switch self {
    case .descriptor(let number): clu_file(number: number, is_registered: false)
    case .registered(let index): clu_file(number: Int32(index), is_registered: true)
    }
  }
}

/// Everything that we ask of the ring.
///
/// Descriptors should be blocking ones: the ring waits by itself, and older kernels answer EAGAIN
/// for non-blocking ones. Ranges inside the registered part of the arena make use of it.
public enum Operation: Hashable, Sendable {
  /// Does nothing; completes with 0.
  case nop
  /// Reads at an offset, or at nil from a stream; may be short, 0 is the end.
  case read(RingFile, into: ArenaRange, at: UInt64?)
  /// Writes at an offset, or at nil to a stream; short on pipes, which take what fits.
  case write(RingFile, from: ArenaRange, at: UInt64?)
  /// Sends all of the range by copying it; one at a time per socket, or the kernel reorders them.
  case send(RingFile, from: ArenaRange)
  /// Sends all of the range from where it lies; the range is free after the notification only.
  ///
  /// Two completions when the first has `hasMore`. EINVAL: this kernel cannot report copies, use
  /// `send`; so also on `Errno.notSupported` and `Errno.noMemory`.
  case sendZeroCopy(RingFile, from: ArenaRange)
  /// Receives; 0 is the end.
  ///
  /// `exactly` waits for the whole range: a short count then means the end or a cancel.
  case receive(RingFile, into: ArenaRange, exactly: Bool)
  /// Receives up to so many bytes (1 ... 2 GiB - 1) and throws them away; repeat for the rest.
  case discard(RingFile, byteCount: Int)
  /// Waits for one connection; completes with its descriptor.
  case accept(RingFile)
  /// Connects a socket.
  case connect(RingFile, to: SocketAddress)
  /// Completes with `Errno.timerExpired` after that time.
  case timeout(Duration)
  /// Completes with `Errno.timerExpired` at that time of CLOCK_MONOTONIC, in nanoseconds.
  case deadline(nanoseconds: Int64)
  /// Completes when the file can be read or written; the result has the poll(2) events.
  case poll(RingFile, readable: Bool, writable: Bool)
  /// Cancels one operation by its user data: 0, `Errno.noEntry`, or EALREADY while it runs.
  ///
  /// The operation completes on its own, with ECANCELED or with the bytes that it had moved.
  case cancel(userData: UInt64)
  /// Cancels every operation on a file; completes with their number.
  case cancelAll(RingFile)
  /// Brings a file's data to the disk, and unless `dataOnly` all its metadata.
  case synchronize(RingFile, dataOnly: Bool)
  /// Changes how a part of a file or disk takes space (fallocate(2)).
  case allocate(RingFile, offset: UInt64, byteCount: UInt64, Allocation)
}

/// What becomes of a part of a file.
public enum Allocation: Int32, Sendable {
  /// It takes space; the file becomes as long as that.
  case reserved = 0
  /// It takes space; the file stays as long as it is.
  case reservedBehindTheEnd = 1
  /// It is zeros and takes no space; the file stays as long as it is.
  ///
  /// Of a disk: zeros, which the disk may forget where it can promise that they are read as such.
  case hole = 2
  /// It is zeros and takes space; the file becomes as long as that.
  case zeros = 3
}

extension Operation {
  /// The range that had better be registered; a copy into or out of a socket gains nothing by it.
  var registrable: ArenaRange? {
    switch self {
    case .read(_, let range, _), .write(_, let range, _), .sendZeroCopy(_, let range): range
    default: nil
    }
  }

  /// Prepares the operation; false when the submission queue is full.
  ///
  /// The place is that of the registered piece in which its range lies.
  func prepare(
    on ring: OpaquePointer,
    userData: UInt64,
    arena: borrowing Arena,
    place: Int?
  ) -> Bool {
    let place = Int32(place ?? -1)
    switch self {
    case .nop:
      return unsafe clu_prepare_nop(ring, userData)
    case .read(let file, let range, let offset):
      let pointer = unsafe arena.pointer(range)
      return unsafe clu_prepare_read(
        ring,
        userData,
        file.kernel,
        pointer,
        UInt32(range.count),
        offset ?? UInt64.max,
        place
      )
    case .write(let file, let range, let offset):
      let pointer = unsafe arena.pointer(range)
      return unsafe clu_prepare_write(
        ring,
        userData,
        file.kernel,
        pointer,
        UInt32(range.count),
        offset ?? UInt64.max,
        place
      )
    case .send(let file, let range):
      let pointer = unsafe arena.pointer(range)
      return unsafe clu_prepare_send(ring, userData, file.kernel, pointer, UInt32(range.count))
    case .sendZeroCopy(let file, let range):
      let pointer = unsafe arena.pointer(range)
      let count = UInt32(range.count)
      return unsafe clu_prepare_send_zc(ring, userData, file.kernel, pointer, count, place)
    case .receive(let file, let range, let exactly):
      let pointer = unsafe arena.pointer(range)
      return unsafe clu_prepare_recv(
        ring,
        userData,
        file.kernel,
        pointer,
        UInt32(range.count),
        exactly
      )
    case .discard(let file, let byteCount):
      precondition((1...Int(Int32.max)).contains(byteCount), "discard count out of range")
      return unsafe clu_prepare_discard(ring, userData, file.kernel, UInt32(byteCount))
    case .accept, .connect, .timeout, .deadline, .poll, .cancel, .cancelAll, .synchronize,
      .allocate:
      return unsafe prepareControl(on: ring, userData: userData)
    }
  }

  /// The operations that move no bytes of the arena.
  private func prepareControl(on ring: OpaquePointer, userData: UInt64) -> Bool {
    switch self {
    case .accept(let file):
      return unsafe clu_prepare_accept(ring, userData, file.kernel)
    case .connect(let file, let address):
      var kernel = address.kernel
      return unsafe clu_prepare_connect(ring, userData, file.kernel, &kernel)
    case .timeout(let duration):
      return unsafe clu_prepare_timeout(ring, userData, duration.clampedNanoseconds, false)
    case .deadline(let nanoseconds):
      precondition(nanoseconds >= 0, "a monotonic time is not negative")
      return unsafe clu_prepare_timeout(ring, userData, nanoseconds, true)
    case .poll(let file, let readable, let writable):
      return unsafe clu_prepare_poll(ring, userData, file.kernel, readable, writable)
    case .cancel(let target):
      return unsafe clu_prepare_cancel(ring, userData, target)
    case .cancelAll(let file):
      return unsafe clu_prepare_cancel_file(ring, userData, file.kernel)
    case .synchronize(let file, let dataOnly):
      return unsafe clu_prepare_fsync(ring, userData, file.kernel, dataOnly)
    case .allocate(let file, let offset, let byteCount, let allocation):
      return unsafe clu_prepare_fallocate(
        ring,
        userData,
        file.kernel,
        offset,
        byteCount,
        allocation.rawValue
      )
    case .nop, .read, .write, .send, .sendZeroCopy, .receive, .discard:
      preconditionFailure("prepared by prepare(on:userData:arena:place:)")
    }
  }
}

extension Duration {
  /// The time in nanoseconds: a negative one is 0, and from 146 years on it is 2^62.
  var clampedNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    if seconds < 0 || attoseconds < 0 { return 0 }
    let limit: Int64 = 1 << 62
    return seconds >= limit / 1_000_000_000
      ? limit : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
