internal import Glibc
internal import Uring

/// A file that is read whole before anything starts: a key.
public struct SmallFile: Sendable {
  /// Why the file cannot be read.
  public struct Unreadable: Error {
    /// Such as "Permission denied (EACCES)".
    public let text: String
  }

  /// Its bytes, at most as many as were asked for.
  public let bytes: [UInt8]
  /// Whether it has more bytes than were asked for.
  public let isLonger: Bool
  /// Whether the file's mode lets its group or everybody read or write it; false for a pipe.
  public let isOpenToOthers: Bool

  /// Reads a regular file, or a pipe such as the shell's `<(command)`, to its end.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - limit: the most bytes to read, so that a disk given by mistake costs nothing.
  /// - Throws: `Unreadable` with what the kernel says.
  public init(path: String, limit: Int) throws(Unreadable) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    var status = stat()
    guard descriptor >= 0 else { throw Unreadable(text: Errno(errno).description) }
    defer { close(descriptor) }
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw Unreadable(text: Errno(errno).description)
    }
    var buffer = [UInt8](repeating: 0, count: limit + 1)
    var count = 0
    // Every turn but the last moves a byte, or was interrupted by a signal.
    while count <= limit {
      let result = unsafe buffer[count...].withUnsafeMutableBytes { rest in
        unsafe read(descriptor, rest.baseAddress, rest.count)
      }
      if result < 0, errno == EINTR { continue }
      guard result >= 0 else { throw Unreadable(text: Errno(errno).description) }
      if result == 0 { break }
      count += result
    }
    bytes = Array(buffer.prefix(min(count, limit)))
    isLonger = count > limit
    isOpenToOthers = status.st_mode & S_IFMT == S_IFREG && status.st_mode & 0o077 != 0
  }
}
