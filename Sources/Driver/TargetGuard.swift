internal import Glibc
internal import Uring

/// What speaks against overwriting a file or disk that was named as the output.
///
/// Looked at before anything is connected, let alone written; `--force` overrides all of it.
enum TargetGuard {
  /// A file that is not empty.
  static func objection(toFile name: String, _ status: stat) -> String? {
    guard status.st_size > 0 else { return nil }
    return
      "\(name) exists, and has \(status.st_size) bytes. Choose another name; --force replaces it."
  }

  /// A disk that is mounted, or holds partitions.
  ///
  /// Other uses, such as swap, RAID and LVM, the kernel finds when the disk is opened for us alone.
  static func objection(toDisk name: String, _ status: stat) -> String? {
    let number = number(of: status.st_rdev)
    let partitions: [(number: String, name: String)] = partitions(of: number)
    for (device, part) in [(number, name)] + partitions {
      guard let place = mountPoint(of: device) else { continue }
      return "\(part) is mounted at \(place). Unmount it; --force overwrites it all the same."
    }
    guard !partitions.isEmpty else { return nil }
    let list = partitions.map { $0.name }.joined(separator: ", ")
    return
      "\(name) has partitions (\(list)). Name the one that you mean; --force overwrites them all."
  }

  /// The sentence for a disk that the kernel does not let us have alone.
  static func busy(_ name: String) -> String {
    "\(name) is in use: mounted, or part of a RAID, a volume group or the swap. "
      + "Take it out of there; --force overwrites it all the same."
  }

  /// "8:16", as /proc and /sys write it; major and minor number share 64 bits (makedev(3)).
  static func number(of device: dev_t) -> String {
    let major = device >> 8 & 0xFFF | device >> 32 & ~0xFFF
    let minor = device & 0xFF | device >> 12 & ~0xFF & 0xFFFF_FFFF
    return "\(major):\(minor)"
  }

  /// Numbers and names of a disk's partitions.
  private static func partitions(of number: String) -> [(number: String, name: String)] {
    let folder = "/sys/dev/block/\(number)"
    return entries(of: folder).sorted().compactMap { name in
      guard text("\(folder)/\(name)/partition") != nil, let number = text("\(folder)/\(name)/dev")
      else { return nil }
      return (String(number.prefix { $0 != "\n" }), name)
    }
  }

  /// Where a device is mounted (proc_pid_mountinfo(5): its number is the third field, the place the
  /// fifth).
  private static func mountPoint(of number: String) -> String? {
    for line in (text("/proc/self/mountinfo") ?? "").split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 5)
      if fields.count > 4, fields[2] == number { return String(fields[4]) }
    }
    return nil
  }

  private static func text(_ path: String) -> String? {
    // Thousands of mounts, as on a host of containers, fit into a mebibyte.
    (try? SmallFile(path: path, limit: 1 << 20)).map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  private static func entries(of path: String) -> [String] {
    guard let folder = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    // Ends with the folder.
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}
