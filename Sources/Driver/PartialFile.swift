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
  ///   - name: the output as the user named it; a link is followed.
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
    target = Self.resolved(name) ?? Self.followed(name)
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
    let name = target.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    let ending = ".braid-\(kind)"
    let limit = unsafe pathconf(folder, Int32(_PC_NAME_MAX))
    let room = (limit > 0 ? limit : 255) - 1 - ending.utf8.count
    guard name.utf8.count > room else { return "\(folder)/.\(name)\(ending)" }
    let sum = "~" + String(XXH64.hash(Array(name.utf8).span), radix: 16)
    var start = name
    while start.utf8.count + sum.utf8.count > room, !start.isEmpty { start.removeLast() }
    return "\(folder)/.\(start)\(sum)\(ending)"
  }

  /// Where a file that is yet to be made goes: what the last of its links points to, as open(2) does.
  private static func followed(_ name: String) -> String {
    var name = name
    // Links that lead in a circle were found when the name was looked at.
    for _ in 0..<linkLimit {
      var place = [CChar](repeating: 0, count: Int(PATH_MAX))
      let count = unsafe readlink(name, &place, place.count)
      guard count > 0 else { break }
      let path = String(decoding: place[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
      name = path.hasPrefix("/") ? path : "\(Folder(of: name).path)/\(path)"
    }
    return name
  }

  /// As many links as the kernel follows (path_resolution(7)).
  private static let linkLimit = 40

  /// The path behind links; nil if there is nothing yet.
  static func resolved(_ name: String) -> String? {
    guard let path = unsafe realpath(name, nil) else { return nil }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
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
