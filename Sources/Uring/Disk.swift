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
    let result = clu_open_direct(descriptor, isInput)
    return result >= 0 ? result : nil
  }
}
