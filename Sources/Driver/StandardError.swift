internal import Glibc

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
  public static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    // Every turn but the last moves a byte, or was interrupted by a signal.
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(STDERR_FILENO, buffer.baseAddress, buffer.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
