internal import Glibc
internal import Transfer
internal import Uring

/// The journal of an output, open: beside a file, and for a disk in a folder that outlives a restart.
struct JournalFile {
  /// Where journals of disks are.
  static let diskFolder = "/var/lib/braid"

  let descriptor: Int32
  let path: String
  /// What an earlier run has noted; nil if there was none.
  let journal: Journal?

  /// Opens or makes it, and reads what it says.
  ///
  /// - Parameters:
  ///   - path: of the journal.
  ///   - target: what names the output that is open now.
  ///   - waiting: called once, if another run has it and is waited for.
  /// - Throws: `StartFailure.output` for a journal that is damaged, in use, or another output's.
  init(
    path: String,
    target: (high: UInt64, low: UInt64),
    waiting: () -> Void
  ) throws(StartFailure) {
    self.path = path
    // Each record is to be on the disk when its write is over.
    do {
      descriptor = try LockedFile.open(path, O_RDWR | O_DSYNC, waiting: waiting)
    } catch .wouldBlock {
      throw .output("another braid uses \(path) at the moment. Wait for it, or end it.")
    } catch {
      throw .output("cannot open \(path): \(error)")
    }
    var bytes = [UInt8](repeating: 0, count: Journal.fileByteCount)
    let file = descriptor
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(file, $0.baseAddress, $0.count, 0)
    }
    guard count >= 0 else { throw .output("cannot read \(path): \(Errno(errno))") }
    if count == 0 {
      journal = nil
      return
    }
    let remedy = "Remove it to start from the beginning."
    bytes.removeLast(bytes.count - count)
    guard let found = Journal(decoding: bytes.span) else {
      throw .output("\(path) is damaged, or no journal of this version. \(remedy)")
    }
    guard found.target == target else {
      throw .output("\(path) belongs to another output than the one that is there now. \(remedy)")
    }
    journal = found
  }

  /// Takes away what an earlier run has noted, and sees to it that it stays away.
  ///
  /// - Throws: `StartFailure.output` if it is still there.
  static func forget(_ path: String) throws(StartFailure) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    guard unsafe unlink(path) == 0 else {
      throw .output("cannot remove \(path), which an earlier run has left: \(Errno(errno))")
    }
    do {
      try Folder(of: path).synchronize()
    } catch {
      throw .output("cannot bring to the disk that \(path) is gone: \(error)")
    }
  }

  /// Whether it tells of anything: an earlier run's, or what this one has brought to the disk.
  var isEmpty: Bool {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 && status.st_size == 0
  }

  /// Takes it away, and sees to it that it stays away: what it tells of is complete, and may be
  /// changed by others from now on, or was found to be wrong.
  ///
  /// - Throws: what the kernel says against it.
  func remove() throws(Errno) {
    guard unsafe unlink(path) == 0 else { throw Errno(errno) }
    try Folder(of: path).synchronize()
  }
}
