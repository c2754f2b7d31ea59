internal import CLiburing

/// What files and disks can do besides reading and writing.
public enum Disk {
  /// Opens the file behind a descriptor once more, past the page cache (O_DIRECT, open(2)).
  ///
  /// - Parameters:
  ///   - descriptor: open for reading or for writing; it stays as it is.
  ///   - isInput: which of the two.
  /// - Returns: a descriptor that the caller closes; nil where the file system or the file's mode does
  ///   not allow it.
  public static func openDirect(_ descriptor: Int32, isInput: Bool) -> Int32? {
    let result = clu_open_again(descriptor, isInput, true)
    return result >= 0 ? result : nil
  }

  /// Opens the file behind a descriptor once more, for reading.
  ///
  /// - Returns: a descriptor that the caller closes.
  /// - Throws: what the kernel says against it.
  public static func openForReading(_ descriptor: Int32) throws(Errno) -> Int32 {
    let result = clu_open_again(descriptor, true, false)
    guard result >= 0 else { throw Errno(-result) }
    return result
  }

  /// Tells where a file's next data are (SEEK_DATA and SEEK_HOLE, lseek(2)); moves its position.
  ///
  /// - Parameters:
  ///   - descriptor: a regular file, open for reading.
  ///   - offset: where to begin, in bytes.
  ///   - end: where to stop, in bytes.
  /// - Returns: from the first byte of data, no less than `offset`, to the next hole or `end`; empty at
  ///   `end` if no data follow. All of it where the file system cannot tell.
  public static func nextData(in descriptor: Int32, from offset: UInt64, before end: UInt64)
    -> Range<UInt64>
  {
    var (start, stop): (UInt64, UInt64) = (0, 0)
    unsafe clu_next_data(descriptor, offset, end, &start, &stop)
    return start..<max(start, stop)
  }

  /// When the file behind a descriptor was made (statx(2)), in ns since 1970; 0 where the file system
  /// does not know.
  public static func birthTime(_ descriptor: Int32) -> UInt64 { clu_birth_time(descriptor) }
}
