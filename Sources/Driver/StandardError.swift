internal import Glibc
internal import Synchronization
internal import Uring

/// Standard error, as a place for whole lines; standard output is for data only.
///
/// Who writes here does not wait. A terminal may be halted, and what reads a pipe may read nothing, for
/// ever; neither is a reason for a transfer to stand still. To make the descriptor non-blocking would
/// change it for all who share it, the shell as well.
public enum StandardError {
  private static let messages = Mutex(Messages())

  /// Columns of the terminal that standard error is, or nil if it is none.
  public static var columnCount: Int? {
    guard isatty(STDERR_FILENO) == 1 else { return nil }
    var size = winsize()
    // A terminal that does not know its width (a serial line) is taken for the classic one.
    guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return 80
    }
    return Int(size.ws_col)
  }

  /// Takes a text to be written; what nobody reads in time is counted, and lost.
  public static func write(_ text: String) { messages.withLock { $0.write(text) } }

  /// Waits until everything is written, but not for long.
  public static func finish() { messages.withLock { $0.finish() } }
}

/// What is on its way to standard error, and how much did not get that far.
private struct Messages {
  private enum Way {
    case unknown
    case relay(Relay)
    /// There is no thread to be had: better to wait than to say nothing.
    case direct
  }

  /// 200 lines and more: what is said at once at the end fits, also if the thread is late.
  private static let queueByteCount = 16 << 10
  /// A reader that was held up gets so long at the end, in seconds; one that reads nothing does not
  /// hold it up.
  private static let farewell = 1

  private var way = Way.unknown
  private var lostLineCount = 0

  mutating func write(_ text: String) {
    if case .unknown = way { way = Self.begin() }
    guard case .relay(let relay) = way else {
      _ = WholeText.write(text, to: STDERR_FILENO)
      return
    }
    tellLost(relay)
    // In order: what comes after a gap must not hide it.
    if lostLineCount > 0 || !WholeText.write(text, to: relay.queue) {
      lostLineCount += text.count { $0 == "\n" }
    }
  }

  mutating func finish() {
    guard case .relay(let relay) = way else { return }
    way = .unknown
    if lostLineCount > 0 {
      var room = pollfd(fd: relay.queue, events: Int16(POLLOUT), revents: 0)
      unsafe poll(&room, 1, Int32(Self.farewell * 1000))
      tellLost(relay)
    }
    relay.close(waiting: Self.farewell)
  }

  private static func begin() -> Way {
    do {
      return .relay(try Relay(to: STDERR_FILENO, byteCount: queueByteCount))
    } catch {
      return .direct
    }
  }

  private mutating func tellLost(_ relay: Relay) {
    guard lostLineCount > 0 else { return }
    let lines = lostLineCount == 1 ? "1 line was" : "\(lostLineCount) lines were"
    let sentence = "braid: \(lines) dropped: standard error was not read\n"
    if WholeText.write(sentence, to: relay.queue) { lostLineCount = 0 }
  }
}

/// Writing until all of it is taken.
enum WholeText {
  /// Writes the text, in one call where the kernel takes it; false if not all of it was taken.
  static func write(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    // Every turn but the last moves a byte, or was interrupted by a signal.
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      bytes = bytes.dropFirst(count)
    }
    return true
  }
}
