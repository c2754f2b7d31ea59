internal import Glibc

/// The three descriptors that a process is born with.
public enum StandardStreams {
  /// Fills the places of closed ones, so that nothing else can come to stand there.
  ///
  /// Without it, `braid receive --output disk 2>&-` would open the disk as descriptor 2 and write its
  /// messages into it. The fillers are open the wrong way round, so that using them fails.
  ///
  /// - Returns: which of 0, 1 and 2 were closed.
  public static func reserve() -> [Int32] {
    var closed: [Int32] = []
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number is taken: those below are open by now.
      let flags = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY
      if unsafe open("/dev/null", flags) == descriptor { closed.append(descriptor) }
    }
    return closed
  }
}

/// Standard error, as a place for whole lines; standard output is for data only.
public enum StandardError {
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

  /// Writes the text, in one call where the kernel takes it; what cannot be written is lost.
  public static func write(_ text: String) { WholeText.write(text, to: STDERR_FILENO) }
}

/// Standard output, for what a command was asked to print.
public enum StandardOutput {
  /// Writes the text at once; what cannot be written is lost.
  public static func write(_ text: String) { WholeText.write(text, to: STDOUT_FILENO) }
}

private enum WholeText {
  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    // Every turn but the last moves a byte, or was interrupted by a signal.
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
