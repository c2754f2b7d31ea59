internal import Glibc
internal import Transfer
internal import Uring
internal import Wire

/// The input of a sender or the output of a receiver, open.
///
/// Descriptors stay blocking and unchanged: standard input and output are shared with whoever started
/// us, and so would be O_NONBLOCK (io_uring.md, trap 13).
struct Endpoint {
  /// What the descriptor is; it decides how it is finished and watched.
  enum Kind: Equatable {
    /// A pipe, FIFO or socket: grown, and watched for the other end's leaving.
    case stream
    /// A regular file or block device: synchronised at the end.
    case storage
    /// A terminal or another character device.
    case other
  }

  let descriptor: Int32
  let kind: Kind
  /// Bytes from the present position to the end, where that is known.
  let byteCount: UInt64?
  /// How it is called in sentences.
  let name: String

  /// Capacity asked for on pipes: what an ordinary user may have (pipe-max-size), and four frames, so
  /// that a frame is filled by one read.
  private static let pipeByteCount = 1 << 20

  /// Opens the endpoint of a plan.
  ///
  /// - Throws: `StartFailure.input` or `.output` with a sentence.
  static func open(_ plan: Plan) throws(StartFailure) -> Endpoint {
    let isInput = plan.role == .sender
    var descriptor = isInput ? STDIN_FILENO : STDOUT_FILENO
    var name = isInput ? "standard input" : "standard output"
    if case .path(let path) = plan.endpoint {
      name = path
      let flags = isInput ? O_RDONLY : O_WRONLY | O_CREAT
      // Only the owner may read a disk image until its owner says otherwise.
      descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
    }
    var status = stat()
    guard descriptor >= 0, unsafe fstat(descriptor, &status) == 0 else {
      throw failure(isInput, "cannot open \(name): \(Errno(errno))")
    }
    if isInput, status.st_mode & S_IFMT == S_IFDIR {
      throw failure(isInput, "\(name) is a directory; send a file, or a tar of it through a pipe")
    }
    _ = Pipe.grow(descriptor, to: pipeByteCount)
    return Endpoint(
      descriptor: descriptor,
      kind: kind(of: status.st_mode),
      byteCount: isInput ? remainingByteCount(descriptor, status) : nil,
      name: name
    )
  }

  /// Cuts an output file that was named to nothing.
  ///
  /// Called when all else is ready: a run that cannot start has destroyed nothing.
  /// - Throws: `StartFailure.output` with a sentence.
  func empty(_ plan: Plan) throws(StartFailure) {
    guard plan.role == .receiver, plan.endpoint != .standard else { return }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
    if ftruncate(descriptor, 0) != 0 { throw .output("cannot empty \(name): \(Errno(errno))") }
  }

  private static func failure(_ isInput: Bool, _ sentence: String) -> StartFailure {
    isInput ? .input(sentence) : .output(sentence)
  }

  private static func kind(of mode: mode_t) -> Kind {
    switch mode & S_IFMT {
    case S_IFIFO, S_IFSOCK: .stream
    case S_IFREG, S_IFBLK: .storage
    default: .other
    }
  }

  private static func remainingByteCount(_ descriptor: Int32, _ status: stat) -> UInt64? {
    guard kind(of: status.st_mode) == .storage else { return nil }
    let position = lseek(descriptor, 0, SEEK_CUR)
    let end = lseek(descriptor, 0, SEEK_END)
    guard position >= 0, end >= 0, lseek(descriptor, position, SEEK_SET) == position else {
      return nil
    }
    return UInt64(max(end - position, 0))
  }
}
