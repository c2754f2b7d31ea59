internal import Glibc
internal import Transfer
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
  private let folder: Folder
  /// Where its journal is.
  var journalPath: String { Self.journalPath(beside: path) }
  /// What it replaces, whose owner and mode it gets.
  private let replaced: stat?

  /// Opens it; only its owner may read or write it.
  ///
  /// - Parameters:
  ///   - name: the output as the user named it; a link is followed.
  ///   - replaced: the file that is there, if there is one.
  ///   - isResuming: whether an earlier run's file is continued.
  /// - Throws: `StartFailure.output` with a sentence.
  init(for name: String, replacing replaced: stat?, isResuming: Bool) throws(StartFailure) {
    target = Self.resolved(name) ?? name
    let last = target.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    folder = Folder(of: target)
    path = "\(folder.path)/.\(last).braid-partial"
    self.replaced = replaced
    do {
      if isResuming { try Self.takeBack(target, to: path) }
      descriptor = try LockedFile.open(path, O_WRONLY)
    } catch .wouldBlock {
      throw .output("another braid writes \(name) at the moment. Wait for it, or end it.")
    } catch {
      throw .output("cannot open \(name): \(error)")
    }
    // Of an earlier run it may have been given to others.
    _ = fchmod(descriptor, 0o600)
  }

  private static func journalPath(beside path: String) -> String {
    path.dropLast("partial".count) + "journal"
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
    do {
      try folder.synchronize()
      return nil
    } catch {
      return error
    }
  }

  /// Takes the name away again from a file whose receiver was killed after it had given it the name,
  /// and before it could remove the journal and tell the sender.
  private static func takeBack(_ target: String, to path: String) throws(Errno) {
    let journalPath = journalPath(beside: path)
    func isUnfinished() -> Bool {
      guard let found = DiskIdentity.of(path: target),
        let file = try? SmallFile(path: journalPath, limit: Journal.fileByteCount),
        let journal = Journal(decoding: file.bytes.span)
      else { return false }
      return journal.target == found
    }
    guard isUnfinished() else { return }
    // Whoever is about to remove the journal still has the file locked.
    let file = try LockedFile.open(target, O_WRONLY)
    defer { close(file) }
    guard isUnfinished(), unsafe rename(target, path) != 0 else { return }
    throw Errno(errno)
  }

  /// Takes it away again.
  func discard() { _ = unsafe unlink(path) }
}
