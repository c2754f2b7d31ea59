// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

// Targets in dependency order; nothing imports upward (Tests/TidyTests holds the same table).
let package = Package(
  name: "braid",
  products: [.executable(name: "braid", targets: ["braid"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
  ],
  targets: [
    .target(
      name: "CLiburing",
      path: "CLiburing",
      cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("uring")]
    ),
    .target(name: "Wire", swiftSettings: strict),
    .target(name: "Transfer", dependencies: ["Wire"], swiftSettings: strict),
    .target(name: "Links", swiftSettings: strict),
    .target(name: "Uring", dependencies: ["CLiburing"], swiftSettings: strict),
    .target(
      name: "Driver",
      dependencies: ["Transfer", "Wire", "Uring", "Links"],
      swiftSettings: strict
    ),
    .target(name: "Simulation", dependencies: ["Transfer", "Wire"], swiftSettings: strict),
    .executableTarget(
      name: "braid",
      dependencies: [
        "Driver", "Transfer", "Wire", "Links",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(name: "simulate", dependencies: ["Simulation"], swiftSettings: strict),
    .executableTarget(
      name: "microbenchmarks",
      dependencies: ["Wire", "Uring", "Simulation"],
      path: "Benchmarks/micro",
      swiftSettings: strict
    ),

    .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: strict),
    .testTarget(name: "TransferTests", dependencies: ["Transfer", "Wire"], swiftSettings: strict),
    .testTarget(name: "SimulationTests", dependencies: ["Simulation"], swiftSettings: strict),
    .testTarget(name: "UringTests", dependencies: ["Uring"], swiftSettings: strict),
    .testTarget(name: "LinksTests", dependencies: ["Links"], swiftSettings: strict),
    .testTarget(
      name: "CommandLineTests",
      dependencies: ["Transfer", "Wire"],
      swiftSettings: strict
    ),
    .testTarget(name: "LabTests", swiftSettings: strict),
    .testTarget(name: "FaultTests", swiftSettings: strict),
    .testTarget(name: "TidyTests", swiftSettings: strict),
  ]
)
