internal import Glibc
internal import Transfer
internal import Wire

/// What tells one file or disk of a host from another, also after a restart.
enum DiskIdentity {
  /// Two numbers for an output.
  static func of(_ status: stat, byteCount: UInt64?) -> (high: UInt64, low: UInt64) {
    (UInt64(status.st_mode & S_IFMT), number(status))
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
