internal import Glibc
internal import Transfer
internal import Uring
internal import Wire

/// What tells one file or disk of a host from another, also after a restart.
enum DiskIdentity {
  /// Two numbers for an output: of a file, when it was made as well, since inodes are used again.
  ///
  /// - Returns: nil if the kernel does not say.
  static func of(_ descriptor: Int32) -> (high: UInt64, low: UInt64)? {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    let isFile = status.st_mode & S_IFMT == S_IFREG
    return of(status, born: isFile ? Disk.birthTime(descriptor) : 0)
  }

  /// The same for what stands at a path; nil if nothing does, or a file is closed to us.
  static func of(path: String) -> (high: UInt64, low: UInt64)? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    guard status.st_mode & S_IFMT == S_IFREG else { return of(status, born: 0) }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return of(descriptor)
  }

  private static func of(_ status: stat, born: UInt64) -> (high: UInt64, low: UInt64) {
    (UInt64(status.st_mode & S_IFMT) ^ born << 16, number(status))
  }

  /// What a sender tells of its input.
  static func description(of status: stat, byteCount: UInt64) -> SourceDescription {
    let isFile = status.st_mode & S_IFMT == S_IFREG
    let seconds = UInt64(clamping: status.st_mtim.tv_sec)
    return SourceDescription(
      kind: isFile ? .file : .disk,
      byteCount: byteCount,
      allocatedByteCount: isFile ? UInt64(status.st_blocks) * 512 : SourceDescription.unknown,
      modified: isFile ? seconds &* 1_000_000_000 &+ UInt64(status.st_mtim.tv_nsec) : 0,
      identity: number(status)
    )
  }

  /// A file's inode; of a disk what its maker calls it, since names like sda change places.
  private static func number(_ status: stat) -> UInt64 {
    guard status.st_mode & S_IFMT == S_IFBLK else { return UInt64(status.st_ino) }
    let folder = "/sys/dev/block/\(TargetGuard.number(of: status.st_rdev))"
    for name in ["wwid", "device/wwid", "device/serial", "serial", "dm/uuid", "loop/backing_file"] {
      guard let file = try? SmallFile(path: "\(folder)/\(name)", limit: 4096), !file.bytes.isEmpty
      else { continue }
      // Partitions of one disk have the same; where they start tells them apart.
      let start = (try? SmallFile(path: "\(folder)/start", limit: 64))?.bytes ?? []
      return XXH64.hash((file.bytes + start).span)
    }
    return UInt64(status.st_rdev)
  }
}
