internal import Glibc
internal import Uring

/// Opens files and disks that only one process may write at a time.
///
/// Those of a receiver that has just been killed are waited for (`Patience`).
enum LockedFile {
  /// A disk that needs longer than this for a few pieces needs its owner more than our patience.
  private static let attempts = 100
  /// A disk in use is mostly one that was mistaken for another, and whoever named it waits.
  private static let diskAttempts = 20
  private static let pause = 100_000_000
  /// How long a file, or a disk that is ours, is waited for.
  static let patience = Duration.nanoseconds(attempts * pause)

  /// Opens or makes a file, and locks it (flock(2)) against another receiver.
  ///
  /// `waiting` is called once, if it takes longer than a second.
  /// - Returns: the descriptor; the kernel closes it when the process ends.
  /// - Throws: `Errno.wouldBlock` if another holds it for 10 s; or why it cannot be opened.
  static func open(_ path: String, _ flags: Int32, waiting: () -> Void) throws(Errno) -> Int32 {
    try Patience.retry(
      while: .wouldBlock,
      attempts: attempts,
      pause: pause,
      waiting: waiting
    ) { () throws(Errno) in
      let file = try openOnce(path, flags | O_CREAT | O_NOFOLLOW)
      let isLocked = flock(file, LOCK_EX | LOCK_NB) == 0
      // Who held it may have moved or removed it: then this is no longer what stands there.
      if isLocked, isSame(file, path) { return file }
      close(file)
      throw .wouldBlock
    }
  }

  /// Opens a disk for nobody but us (O_EXCL of block devices, open(2)).
  ///
  /// - Parameters:
  ///   - path: of the disk.
  ///   - isOurs: whether a journal tells that a receiver was at work there.
  ///   - waiting: called once, if such a disk is waited for longer than a second.
  /// - Returns: the descriptor.
  /// - Throws: `Errno.busy` if it is in use for 2 s, or 10 s if it is ours; or why it cannot be opened.
  static func open(disk path: String, isOurs: Bool, waiting: () -> Void) throws(Errno) -> Int32 {
    func tell() { if isOurs { waiting() } }
    return try Patience.retry(
      while: .busy,
      attempts: isOurs ? attempts : diskAttempts,
      pause: pause,
      waiting: tell
    ) { () throws(Errno) in
      try openOnce(path, O_WRONLY | O_EXCL)
    }
  }

  private static func openOnce(_ path: String, _ flags: Int32) throws(Errno) -> Int32 {
    let file = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Errno(errno) }
    return file
  }

  private static func isSame(_ file: Int32, _ path: String) -> Bool {
    var ours = stat()
    var there = stat()
    guard unsafe fstat(file, &ours) == 0, unsafe lstat(path, &there) == 0 else { return false }
    return ours.st_ino == there.st_ino && ours.st_dev == there.st_dev
  }
}
