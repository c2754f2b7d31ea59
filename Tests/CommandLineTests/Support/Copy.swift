import Foundation
import Testing

/// A copy from one kind of place to another, whatever is between them.
struct Copy {
  /// What one end is.
  enum End: String, CaseIterable {
    case pipe, file, sparseFile, disk512, disk4096

    /// Those that anybody can make, and those of root.
    static let files = [pipe, file, sparseFile]
    static let disks = [disk512, disk4096]

    var sectorByteCount: Int { self == .disk512 ? 512 : 4096 }
    var isDisk: Bool { self == .disk512 || self == .disk4096 }
  }

  /// Lengths around those of sectors and pages.
  static let edges = [0, 1, 511, 4095, 4097]
  /// Longer than what any buffer holds, and no whole number of anything.
  static let long = 1 << 30 + 513

  let source: End
  let target: End
  let byteCount: Int
  /// After `braid send` and `braid receive`.
  var send = ""
  var receive = ""
  /// The hosts.
  var pair = Pair()

  /// Lengths of all sorts over loopback; also the long one where there is time.
  static func every(from source: End, to target: End) throws {
    for size in edges + [1 << 20] {
      try Copy(source: source, target: target, byteCount: size).check()
    }
    for connections in [1, 4] {
      let size = connections == 1 && Faults.isFull ? long : 20_000_513
      var copy = Copy(source: source, target: target, byteCount: size)
      copy.send = "--connections \(connections)"
      // Whatever the length, all of it can be read back; with one connection it is as without.
      if connections > 1, target != .pipe { copy.receive = "--verify" }
      try copy.check()
    }
  }

  /// Copies, and expects that all arrived, and nothing else changed.
  func check() throws {
    let folder = try Scratch()
    // A disk has whole sectors.
    let unit = source.isDisk ? source.sectorByteCount : 1
    let length = max((byteCount + unit - 1) / unit, source.isDisk ? 1 : 0) * unit
    let maker = source == .sparseFile ? sparse(length) : filled(length)
    _ = try run(maker, in: folder, limit: 120)
    var pair = pair
    pair.limit = 120
    pair.after = ""
    pair.send = "\(send) --input sent"
    pair.receive = "\(receive) --output received"
    var disks: [LoopDevice] = []
    if source == .pipe {
      pair.send = send
      pair.before = "cat sent |"
    } else if source.isDisk {
      disks.append(try LoopDevice("sent", sectorByteCount: unit, in: folder))
      pair.send = "\(send) --input \(disks[0].path)"
    }
    if target == .pipe {
      pair.receive = receive
      pair.after = "| cat > received"
    } else if target.isDisk {
      // Longer than what comes, and full of other bytes, which must stay behind it.
      let room = (length + 8191) / 4096 * 4096
      _ = try run("head -c \(room) /dev/zero | tr '\\0' x > received", in: folder, limit: 120)
      let disk = try LoopDevice("received", sectorByteCount: target.sectorByteCount, in: folder)
      disks.append(disk)
      pair.receive = "\(receive) --output \(disk.path)"
    }
    let ends = try pair.run(in: folder)
    disks.removeAll()
    if target.isDisk {
      _ = try run("mv received disk; head -c \(length) disk > received", in: folder, limit: 120)
      let rest = try run("tail -c +\(length + 1) disk | tr -d x | wc -c", in: folder, limit: 120)
      #expect(rest.text.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
    }
    let title: Comment = "\(byteCount) bytes, \(source) to \(target), \(ends.sender.messages)"
    #expect(ends.sender.status == 0, title)
    #expect(ends.receiver.status == 0, "\(title) \(ends.receiver.messages)")
    #expect(try run("cmp sent received", in: folder, limit: 120).status == 0, title)
    guard target == .file else { return }
    let (sent, received) = (
      try kibibytes("sent", in: folder), try kibibytes("received", in: folder)
    )
    #expect(abs(sent - received) <= max(sent / 100, 16), "\(title): \(sent) KiB are \(received)")
  }

  /// Makes a file without holes.
  private func filled(_ length: Int) -> String {
    "for i in $(seq \(length / Sample.byteCount + 1)); do cat \(Sample.path); done "
      + "| head -c \(length) > sent"
  }

  /// Makes a file with data in two places, and at its end if it is long enough; the rest is holes.
  private func sparse(_ length: Int) -> String {
    let part = length / 8
    let copies = [part, 4 * part, length - min(part, 513)].map { place in
      """
      dd if=\(Sample.path) of=sent bs=64K count=\(min(part, length - place)) seek=\(place) \
      iflag=count_bytes oflag=seek_bytes conv=notrunc status=none
      """
    }
    return (["truncate -s \(length) sent"] + copies).joined(separator: "; ")
  }
}

/// What a file takes on its disk.
func kibibytes(_ name: String, in folder: Scratch) throws -> Double {
  let text = try run("sync '\(name)'; du -k '\(name)'", in: folder).text
  return try #require(text.split(separator: "\t").first.flatMap { Double($0) })
}

/// A file as a block device; it goes away with the test.
final class LoopDevice {
  /// Whether there are any; where nothing may be skipped, there had better be.
  static let isPossible =
    Braid.isContinuousIntegration
    || Braid.isRoot && FileManager.default.fileExists(atPath: "/dev/loop-control")

  /// Such as "/dev/loop3".
  let path: String
  private let folder: Scratch

  /// Makes the file a disk with sectors of that size; options are those of losetup(8).
  init(_ name: String, sectorByteCount: Int, options: String = "", in folder: Scratch) throws {
    let size = "--sector-size \(sectorByteCount)"
    let command = "losetup --find --show \(size) \(options) '\(folder.path(name))'"
    let ended = try run(command, in: folder)
    try #require(ended.status == 0, "\(ended.messages)")
    path = ended.text.trimmingCharacters(in: .whitespacesAndNewlines)
    self.folder = folder
  }

  deinit { _ = try? run("losetup --detach \(path)", in: folder) }
}

/// Tests that take long, or want the machine for themselves.
enum Faults {
  /// Whether FAULTS=full asks for them.
  static let isFull = ProcessInfo.processInfo.environment["FAULTS"] == "full"
}
