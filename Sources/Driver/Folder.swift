internal import Glibc
internal import Uring

/// The folder that something is in.
struct Folder {
  /// Its path; "." where none is named.
  let path: String

  /// The folder of what is called so.
  init(of name: String) {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let parent = parts.joined(separator: "/")
    path = parts.isEmpty ? "." : parent.isEmpty ? "/" : parent
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
