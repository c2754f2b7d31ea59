internal import Glibc
internal import Uring

/// The folder that something is in.
struct Folder {
  /// Its path; "." where none is named.
  let path: String

  /// The folder of what is called so.
  init(of name: String) {
    // By bytes, as the kernel does: a mark that follows a slash makes one character with it.
    guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else {
      path = "."
      return
    }
    path = slash == name.startIndex ? "/" : String(name[..<slash])
  }

  /// Brings to the disk what was renamed or removed in it (fsync(2)).
  ///
  /// - Throws: what the kernel says against it.
  func synchronize() throws(Errno) {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Errno(errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw Errno(errno) }
  }
}
