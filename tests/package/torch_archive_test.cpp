#include "package/torch_archive.h"

#include <gtest/gtest.h>

#include <random>

#include "core/file.h"
#include "package/pickle_scan.h"
#include "package/script_scan.h"
#include "package/zip.h"
#include "support/expect_error.h"
#include "support/tiny_package.h"

namespace glint {
namespace {

using test::ArchiveEntry;
using test::Bytes;
using test::expect_error;
using test::make_archive;
using test::to_bytes;
using test::tower_code;
using test::tower_entries;

void expect_refused(const Bytes& archive, std::string_view part) {
  expect_error(ErrorCode::kCorruptPackage, part, [&] { check_torch_archive(archive, "t.pt"); });
}

Bytes golden(const std::string& name) {
  return read_file(std::string(GLINT_TEST_DATA) + "/golden/archives/" + name + ".pt", 1 << 20);
}

TEST(TorchArchiveTest, TakesWhatTorchWrites) {
  for (const char* name : {"good_script", "good_trace", "good_frozen", "good_half"}) {
    SCOPED_TRACE(name);
    EXPECT_NO_THROW(check_torch_archive(golden(name), name));
  }
}

TEST(TorchArchiveTest, RefusesOperatorsThatReachOutside) {
  expect_refused(golden("bad_save"), "network operators, got \"save\"");
  expect_refused(golden("bad_setstate"), "network operators, got \"save\"");
  expect_refused(golden("bad_from_file"), "network operators, got \"from_file\"");
  expect_refused(golden("bad_print"), "network operators, got \"print\"");
}

TEST(TorchArchiveTest, TakesTheTinyArchive) {
  const auto entries = tower_entries(tower_code());
  EXPECT_NO_THROW(check_torch_archive(make_archive(entries, true), "t.pt"));
  EXPECT_NO_THROW(check_torch_archive(make_archive(entries, false), "t.pt"));
}

TEST(TorchArchiveTest, RefusesEveryTruncation) {
  const Bytes archive = golden("good_script");
  for (std::size_t size = 0; size < archive.size(); ++size) {
    EXPECT_THROW(check_torch_archive(std::span(archive).first(size), "t.pt"), Error) << size;
  }
  expect_refused(Bytes(archive.begin(), archive.end() - 1), "truncated, or no archive");
  expect_refused({}, "truncated, or no archive");
}

TEST(TorchArchiveTest, RefusesBytesBeforeOrBehindTheArchive) {
  Bytes archive = golden("good_script");
  archive.push_back(std::byte{0});
  expect_refused(archive, "truncated, or no archive");
  archive.pop_back();
  archive.insert(archive.begin(), std::byte{0});
  expect_refused(archive, "damaged zip archive");
}

TEST(TorchArchiveTest, RefusesDuplicateEntriesRegardlessOfCase) {
  auto entries = tower_entries(tower_code());
  entries.push_back(entries[2]);
  expect_refused(make_archive(entries), "got \"archive/code/__torch__/tower.py\" twice");
  entries.back().name = "archive/code/__torch__/TOWER.py";
  expect_refused(make_archive(entries), "got \"archive/code/__torch__/TOWER.py\" twice");
}

TEST(TorchArchiveTest, RefusesEntriesThatNoModuleHas) {
  for (const char* name : {"archive/model.json", "archive/bytecode.pkl", "archive/DATA/1",
                           "archive/data/../x", "archive/data//0", "archive/code/x.pyc", "archive/",
                           "archive/data/a/b", "archive/code/x\\y.py", "archive/version.txt"}) {
    SCOPED_TRACE(name);
    auto entries = tower_entries(tower_code());
    entries.push_back({name, to_bytes("x")});
    expect_refused(make_archive(entries), "expected entries of a TorchScript module");
  }
}

TEST(TorchArchiveTest, RefusesEntriesOutsideTheFolder) {
  for (const char* name : {"other/data.pkl", "version", "/archive/version", "../archive/version"}) {
    SCOPED_TRACE(name);
    auto entries = tower_entries(tower_code());
    entries.push_back({name, to_bytes("x")});
    expect_refused(make_archive(entries), "expected all entries in one folder");
  }
}

TEST(TorchArchiveTest, RefusesAModuleWithoutOneOfItsParts) {
  for (std::size_t skipped = 1; skipped < 5; ++skipped) {
    auto entries = tower_entries(tower_code());
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(skipped));
    expect_refused(make_archive(entries), "archive without one of them");
  }
}

TEST(TorchArchiveTest, RefusesDeflatedNumbers) {
  auto entries = tower_entries(tower_code());
  entries[0].method = 8;
  expect_refused(make_archive(entries), "expected only code to be deflated");
}

TEST(TorchArchiveTest, RefusesADamagedDeflateStream) {
  auto entries = tower_entries(tower_code());
  entries[2].method = 8;
  expect_refused(make_archive(entries), "got a damaged stream");
}

TEST(ZipTest, RefusesHeadersThatDisagree) {
  const auto refuse = [](auto change, std::string_view part) {
    auto entries = tower_entries(tower_code());
    change(entries[2]);
    expect_refused(make_archive(entries), part);
  };
  refuse([](ArchiveEntry& e) { e.local_name = "archive/code/__torch__/other.py"; }, "one name");
  refuse([](ArchiveEntry& e) { e.flags = 1; }, "without encryption");
  refuse([](ArchiveEntry& e) { e.method = 12; }, "stored or deflated");
  refuse([](ArchiveEntry& e) { e.stated_bytes = 3; }, "damaged zip archive");
  refuse([](ArchiveEntry& e) { e.stated_bytes = 1 << 30; }, "damaged zip archive");
  refuse([](ArchiveEntry& e) { e.stated_bytes = 0xffffffff; }, "damaged zip archive");
}

TEST(ZipTest, RefusesContentWithAnotherChecksum) {
  Bytes archive = make_archive(tower_entries(tower_code()));
  const std::string text = test::to_text(archive);
  archive[text.find("RaiseException")] = std::byte{'B'};
  expect_refused(archive, "to have the checksum it states");
}

TEST(ZipTest, RefusesAnotherNumberInEachFieldOfTheDirectory) {
  const Bytes archive = make_archive(tower_entries(tower_code()));
  const std::string text = test::to_text(archive);
  const std::size_t directory = text.find("PK\x01\x02");
  // Free fields of the directory: version made by, needed, times, internal and external attributes.
  const auto is_free = [&](std::size_t at) {
    const std::size_t record = text.rfind("PK\x01\x02", at);
    const std::size_t field = at - record;
    const bool head = record != std::string::npos && field < 46;
    return head && ((field >= 4 && field < 8) || (field >= 12 && field < 16) ||
                    (field >= 36 && field < 42));
  };
  std::size_t accepted = 0;
  const std::size_t end = text.find("PK\x06\x06");
  for (std::size_t at = directory; at < end; ++at) {
    Bytes damaged = archive;
    damaged[at] ^= std::byte{0x40};
    const bool refused = !test::error_of([&] { check_torch_archive(damaged, "t"); }).empty();
    accepted += refused ? 0 : 1;
    EXPECT_TRUE(refused || is_free(at)) << at - directory;
  }
  EXPECT_GT(accepted, 0U);
}

TEST(TorchArchiveTest, SurvivesRandomMutations) {
  std::mt19937 random(11);
  for (const char* name : {"good_script", "good_frozen"}) {
    const Bytes sound = golden(name);
    for (int i = 0; i < 2000; ++i) {
      Bytes archive = sound;
      // Two thirds of the mutations in the last third, where the directory is.
      for (auto n = random() % 3 + 1; n > 0; --n) {
        const std::size_t from = random() % 3 == 0 ? 0 : archive.size() * 2 / 3;
        archive[from + random() % (archive.size() - from)] =
            static_cast<std::byte>(random() & 0xff);
      }
      test::error_of([&] { check_torch_archive(archive, "t.pt"); });
    }
  }
}

void scan(std::string_view source) { scan_script(source, "s.py"); }

TEST(ScriptScanTest, TakesArithmetic) {
  for (const char* source : {
           "x = torch.add(torch.save_nothing(y), 2.)\nopts = self.ops\n",
           "_0 = ops.prim.NumToTensor(torch.size(x, 0))",
           "_0 = ops.aten.relu(x)",
           "raise_ = \"cannot save or load\"",
           "y = __torch__.torch.nn.functional.linear(x)",
           "saved = x.loaded",
           "x = 1.5e-05\ny = 2.\nz = .5",
           "# torch.save(x) in a comment\n",
           "  torch : Tensor\n  ops : int\n",
       }) {
    SCOPED_TRACE(source);
    EXPECT_NO_THROW(scan(source));
  }
}

TEST(ScriptScanTest, RefusesEveryWayToNameAnOperator) {
  const std::pair<const char*, const char*> sources[] = {
      {"torch.save([x], \"f\")", "\"save\""},
      {"torch . save([x], \"f\")", "\"save\""},
      {"torch.\\\n  save([x], \"f\")", "\"torch\""},
      {"torch.from_file(\"f\")", "\"from_file\""},
      {"(x).save(\"f\")", "\"save\""},
      {"ops.aten.save(x, \"f\")", "\"save\""},
      {"y = getattr(x, \"save\")(\"f\")", "\"save\""},
      {"y = getattr(x, 'sa' 've')(\"f\")", "\"save\""},
      {"y = getattr(x, \"sa\"\n  \"ve\")(\"f\")", "\"save\""},
      {"y = getattr(x, \"\"\"save\"\"\")", "\"save\""},
      {"y = getattr(x, \"s\\141ve\")", "\"save\""},
      {"y = torch\ny.abs(x)", "\"torch\""},
      {"y = (torch).abs(x)", "\"torch\""},
      {"y = 2.\ntorch", "\"torch\""},
      {"y = ...\nops.c10d.send(x)", "\"ops.c10d.send\""},
      {"y = 2.\nops.c10d.send(x)", "\"ops.c10d.send\""},
      {"y = [ops]", "\"ops\""},
      {"y = ops.aten", "\"ops\""},
      {"ops.c10d.send(x)", "\"ops.c10d.send\""},
      {"ops.debugprims.load_tensor(x)", "\"ops.debugprims.load_tensor\""},
      {"ops.prim.Print(x)", "\"ops.prim.Print\""},
      {"ops.prim.rpc_async(x)", "\"ops.prim.rpc_async\""},
      {"ops.prim.PythonOp(x)", "\"ops.prim.PythonOp\""},
      {"rpc_async(\"host\", f)", "\"rpc_async\""},
      {"print(x)", "\"print\""},
      {"y = __torch__.torch.classes.c10d.Store(x)", "\"torch.classes\""},
      {"x : __torch__.torch.classes.quantized.Packed", "\"torch.classes\""},
      {"# type: torch\n", "\"torch\""},
      {"x = 0x1.\n", "decimal numbers"},
      {"x = \"open", "strings that end"},
      {"x = \"open\n\"", "strings that end"},
      {"x = \"\"\"open\"", "strings that end"},
      {"x = \"open\\", "strings that end"},
  };
  for (const auto& [source, part] : sources) {
    SCOPED_TRACE(source);
    const std::string_view text = source;
    expect_error(ErrorCode::kCorruptPackage, part, [&] { scan(text); });
  }
}

TEST(ScriptScanTest, ReadsEscapedQuotesAsTorchDoes) {
  // The string ends at the last quote, so torch.save is inside of it.
  EXPECT_NO_THROW(scan(R"--(x = "a\"; torch.save(x)")--"));
  EXPECT_THROW(scan(R"--(x = "a\\"; torch.save(x))--"), Error);
  EXPECT_NO_THROW(scan("x = ''\ny = '''a' torch.save(x) '''"));
}

void scan_opcodes(const std::string& opcodes) { scan_pickle(to_bytes(opcodes), "data.pkl"); }

TEST(PickleScanTest, TakesTensorsAndOwnClasses) {
  const std::string start = "\x80\x02";
  EXPECT_NO_THROW(scan_opcodes(start + "ctorch._utils\n_rebuild_tensor_v2\n."));
  EXPECT_NO_THROW(scan_opcodes(start + "ctorch\nHalfStorage\n."));
  EXPECT_NO_THROW(scan_opcodes(start + "c__torch__.a.___torch_mangle_0\nB\n."));
  EXPECT_NO_THROW(scan_opcodes(start + "c__torch__\nB\n."));
  EXPECT_NO_THROW(scan_opcodes(start + "ccollections\nOrderedDict\n."));
}

TEST(PickleScanTest, RefusesOtherGlobals) {
  for (const char* global :
       {"os\nsystem", "builtins\neval", "torch\nload", "torch.distributed.rpc\nrref",
        "__torch__.torch.classes.c10d\nStore", "__torch__.torch\nclasses", "__torch__evil\nA",
        "__torch__.a\nb.c", "torch._utils\n_rebuild_sparse_tensor", "__main__\nTensorID", "\n"}) {
    SCOPED_TRACE(global);
    expect_error(ErrorCode::kCorruptPackage, "got the global",
                 [&] { scan_opcodes("\x80\x02" + ("c" + std::string(global)) + "\n."); });
  }
}

TEST(PickleScanTest, RefusesOtherOpcodesAndTruncation) {
  const auto refuse = [](const std::string& opcodes, std::string_view part) {
    expect_error(ErrorCode::kCorruptPackage, part, [&] { scan_opcodes(opcodes); });
  };
  const std::string start = "\x80\x02";
  refuse("", "truncated");
  refuse("\x80\x04.", "expected a pickle of protocol 2");
  refuse(".", "truncated");
  refuse(start, "truncated");
  refuse(start + "\x93.", "expected opcodes that torch reads, got 147 at byte 2");
  refuse(start + "iposix\nsystem\n.", "expected opcodes that torch reads, got 105");
  refuse(start + "ctorch", "truncated");
  refuse(start + "X\x05" + std::string(3, '\0') + "abc", "truncated");
  refuse(start + "X\xff\xff\xff\xff", "truncated");
  refuse(start + "N..", "expected the pickle to end at byte 4, got 1 more bytes");
}

}  // namespace
}  // namespace glint
