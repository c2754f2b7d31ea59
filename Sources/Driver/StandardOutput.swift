internal import Glibc
internal import Uring

// Standard output that the shell has opened on a file or disk: `braid receive > /dev/sdb`.
extension Endpoint {
  /// Where on it the stream starts, if it can be written at offsets from there; nil if only in order.
  ///
  /// - Throws: `StartFailure.output` where something speaks against overwriting a disk.
  static func outputBase(_ status: stat, _ plan: Plan) throws(StartFailure) -> UInt64? {
    let position = lseek(STDOUT_FILENO, 0, SEEK_CUR)
    // What is appended has no offsets; and messages that go to the same file would be overwritten.
    guard position >= 0, fcntl(STDOUT_FILENO, F_GETFL) & O_APPEND == 0, !isShared(status) else {
      return nil
    }
    if status.st_mode & S_IFMT == S_IFBLK, !plan.isForced { try guardDisk(status) }
    return UInt64(position)
  }

  private static func isShared(_ status: stat) -> Bool {
    var messages = stat()
    return unsafe fstat(STDERR_FILENO, &messages) == 0 && messages.st_dev == status.st_dev
      && messages.st_ino == status.st_ino
  }

  /// The shell has opened the disk already, but nothing is written yet: the same guard as by name.
  private static func guardDisk(_ status: stat) throws(StartFailure) {
    let path = "/proc/self/fd/\(STDOUT_FILENO)"
    let name = (try? PartialFile.resolved(path)) ?? "standard output"
    if let objection = TargetGuard.objection(toDisk: name, status) { throw .output(objection) }
    let claim = unsafe Glibc.open(path, O_RDONLY | O_EXCL | O_CLOEXEC)
    if claim < 0, errno == EBUSY { throw .output(TargetGuard.busy(name)) }
    if claim >= 0 { close(claim) }
  }
}
