internal import Glibc
internal import Transfer
internal import Uring
internal import Wire

/// An output file on its way: written beside its place under another name, and moved there when all
/// of it is on the disk, so that nobody ever finds half of it under its own name.
struct PartialFile {
  let descriptor: Int32
  /// Where it is written.
  let path: String
  /// Where it belongs.
  let target: String
  /// The folder of both.
  let folder: Folder
  /// Where its journal is.
  var journalPath: String { Self.path(beside: target, "journal") }
  /// What it replaces, whose owner and mode it gets.
  private let replaced: stat?

  /// Opens it; only its owner may read or write it.
  ///
  /// - Parameters:
  ///   - name: the output as the user named it; a link is followed, as open(2) does.
  ///   - replaced: the file that is there, if there is one.
  ///   - isResuming: whether an earlier run's file is continued.
  ///   - waiting: called once, if another run has it and is waited for.
  /// - Throws: `StartFailure.output` with a sentence.
  init(
    for name: String,
    replacing replaced: stat?,
    isResuming: Bool,
    waiting: () -> Void
  ) throws(StartFailure) {
    target = try Self.followed(name)
    folder = Folder(of: target)
    path = Self.path(beside: target, "partial")
    self.replaced = replaced
    do {
      if isResuming { try Self.takeBack(target, to: path, waiting: waiting) }
      descriptor = try LockedFile.open(path, O_WRONLY, waiting: waiting)
    } catch .wouldBlock {
      throw .output("another braid writes \(name) at the moment. Wait for it, or end it.")
    } catch {
      throw .output("cannot open \(name): \(error)")
    }
    // Of an earlier run it may have been given to others.
    _ = fchmod(descriptor, 0o600)
  }

  /// What stands beside an output while it is written: `.NAME.braid-partial`, `.NAME.braid-journal`.
  ///
  /// A name that would become too long for its folder by that is cut, and a sum of the whole name
  /// keeps it apart from others that begin alike; every run finds the same.
  static func path(beside target: String, _ kind: String) -> String {
    let folder = Folder(of: target).path
    let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
    let name = slash.map { target[target.utf8.index(after: $0)...] } ?? target[...]
    let ending = ".braid-\(kind)"
    let limit = unsafe pathconf(folder, Int32(_PC_NAME_MAX))
    let room = (limit > 0 ? limit : 255) - 1 - ending.utf8.count
    guard name.utf8.count > room else { return "\(folder)/.\(name)\(ending)" }
    let sum = "~" + String(XXH64.hash(Array(name.utf8).span), radix: 16)
    var start = name
    while start.utf8.count + sum.utf8.count > room, !start.isEmpty { start.removeLast() }
    return "\(folder)/.\(start)\(sum)\(ending)"
  }

  /// What the last of its links points to, whether there is anything yet or not.
  private static func followed(_ name: String) throws(StartFailure) -> String {
    var place = name
    // Links that lead in a circle were found when the name was looked at.
    for _ in 0..<linkLimit {
      var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = unsafe readlink(place, &bytes, bytes.count)
      guard count > 0 else { break }
      guard let path = String(validating: bytes[..<count], as: UTF8.self) else {
        throw unreadable(name)
      }
      place = path.utf8.first == UInt8(ascii: "/") ? path : "\(Folder(of: place).path)/\(path)"
    }
    return place
  }

  /// As many links as the kernel follows (path_resolution(7)).
  private static let linkLimit = 40

  /// The path behind links; nil if there is nothing yet.
  ///
  /// - Throws: `StartFailure.output` if a Swift string cannot hold it: repaired, it would be another.
  static func resolved(_ name: String) throws(StartFailure) -> String? {
    guard let bytes = unsafe realpath(name, nil) else { return nil }
    defer { unsafe free(bytes) }
    guard let path = unsafe String(validatingCString: bytes) else { throw unreadable(name) }
    return path
  }

  private static func unreadable(_ name: String) -> StartFailure {
    .output(
      "\(name) leads to a path that is not in UTF-8. Rename what it leads to, or let the shell open it "
        + "with >."
    )
  }

  /// Moves it to its place; what was there before is gone then.
  ///
  /// To be called when its bytes are on the disk; afterwards the folder is to be synchronised.
  /// - Throws: what the kernel says against it.
  func publish(mayReplace: Bool) throws(Errno) {
    var status = stat()
    if !mayReplace, unsafe stat(target, &status) == 0, status.st_size > 0 { throw .exists }
    if let replaced {
      _ = fchown(descriptor, replaced.st_uid, replaced.st_gid)
      _ = fchmod(descriptor, replaced.st_mode & 0o777)
    }
    guard unsafe rename(path, target) == 0 else { throw Errno(errno) }
  }

  /// Takes the name away again from a file whose receiver was killed after it had given it the name,
  /// and before it could remove the journal and tell the sender.
  private static func takeBack(
    _ target: String,
    to path: String,
    waiting: () -> Void
  ) throws(Errno) {
    let journalPath = Self.path(beside: target, "journal")
    func isUnfinished() -> Bool {
      guard let found = DiskIdentity.of(path: target),
        let file = try? SmallFile(path: journalPath, limit: Journal.fileByteCount),
        let journal = Journal(decoding: file.bytes.span)
      else { return false }
      return journal.target == found
    }
    guard isUnfinished() else { return }
    // Whoever is about to remove the journal still has the file locked.
    let file = try LockedFile.open(target, O_WRONLY, waiting: waiting)
    defer { close(file) }
    guard isUnfinished(), unsafe rename(target, path) != 0 else { return }
    throw Errno(errno)
  }

  /// Takes it away again.
  func discard() { _ = unsafe unlink(path) }
}
