internal import Glibc
internal import Uring

/// An output file on its way: written beside its place under another name, and moved there when all
/// of it is on the disk, so that nobody ever finds half of it under its own name.
struct PartialFile {
  let descriptor: Int32
  /// Where it is written.
  let path: String
  /// Where it belongs.
  let target: String
  /// The folder of both.
  private let folder: String
  /// Where its journal is.
  var journalPath: String { String(path.dropLast("partial".count)) + "journal" }
  /// What it replaces, whose owner and mode it gets.
  private let replaced: stat?

  /// Opens it; only its owner may read or write it.
  ///
  /// - Parameters:
  ///   - name: the output as the user named it; a link is followed.
  ///   - replaced: the file that is there, if there is one.
  /// - Throws: `StartFailure.output` with a sentence.
  init(for name: String, replacing replaced: stat?) throws(StartFailure) {
    target = Self.resolved(name) ?? name
    let parts = target.split(separator: "/", omittingEmptySubsequences: false)
    let last = parts.last.map(String.init) ?? target
    let parent = parts.dropLast().joined(separator: "/")
    folder = parts.count == 1 ? "." : parent.isEmpty ? "/" : parent
    path = "\(folder)/.\(last).braid-partial"
    self.replaced = replaced
    let flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC
    descriptor = unsafe open(path, flags, 0o600)
    guard descriptor >= 0 else { throw .output("cannot open \(name): \(Errno(errno))") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .output("another braid writes \(name) at the moment. Wait for it, or end it.")
    }
    // Of an earlier run it may have been given to others.
    _ = fchmod(descriptor, 0o600)
  }

  /// The path behind links; nil if there is nothing yet.
  static func resolved(_ name: String) -> String? {
    guard let path = unsafe realpath(name, nil) else { return nil }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }

  /// Moves it to its place; what was there before is gone then.
  ///
  /// To be called when its bytes are on the disk. - Returns: what the kernel says against it.
  func publish(mayReplace: Bool) -> Errno? {
    var status = stat()
    if !mayReplace, unsafe stat(target, &status) == 0, status.st_size > 0 { return .exists }
    if let replaced {
      _ = fchown(descriptor, replaced.st_uid, replaced.st_gid)
      _ = fchmod(descriptor, replaced.st_mode & 0o777)
    }
    guard unsafe rename(path, target) == 0 else { return Errno(errno) }
    let directory = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return Errno(errno) }
    defer { close(directory) }
    return fsync(directory) == 0 ? nil : Errno(errno)
  }

  /// Takes it away again.
  func discard() { _ = unsafe unlink(path) }
}
