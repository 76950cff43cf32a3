#include "octet/report/text.h"

#include <gtest/gtest.h>

#include "octet/report/table.h"

namespace octet::report {
namespace {

TEST(Text, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(safe("conv1/weight ünïcode 畳"), "conv1/weight ünïcode 畳");
  EXPECT_EQ(safe("a\x1b[31mb\n\t\x7f"), "a\\x1b[31mb\\x0a\\x09\\x7f");
  EXPECT_EQ(safe("\xc2\x9b"
                 "31m"),
            "\\xc2\\x9b31m");  // C1: CSI in one character
  EXPECT_EQ(safe("a\xe2\x80\xae"
                 "b"),
            "a\\xe2\\x80\\xaeb");  // right-to-left override
  EXPECT_EQ(safe("\xff\xc0\xaf\xed\xa0\x80\xf5"), "\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xf5");
  EXPECT_EQ(safe("\xe2\x82"), "\\xe2\\x82");  // cut off
  EXPECT_EQ(safe(std::string("a\0b", 3)), "a\\x00b");
}

TEST(Text, CountsColumnsAsATerminalDoes) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("ünï"), 3);
  EXPECT_EQ(display_width("畳み"), 4);
  EXPECT_EQ(display_width("e\xcc\x81"), 1);
}

TEST(Text, ShortensInTheMiddle) {
  EXPECT_EQ(shorten("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(shorten("abcdefghij", 5), "ab…ij");
  EXPECT_EQ(shorten("畳畳畳畳", 5), "畳…畳");
  EXPECT_EQ(shorten("abc", 0), "");
}

TEST(Text, MakesNumbersShort) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1234567), "1.23 MB");
  EXPECT_EQ(bytes_text(999999), "1.00 MB");
  EXPECT_EQ(count_text(41200000), "41.2 M");
  EXPECT_EQ(milliseconds(12.34), "12.3 ms");
  EXPECT_EQ(milliseconds(0.01234), "0.0123 ms");
  EXPECT_EQ(percent(0.8102), "81.02 %");
}

TEST(Table, AlignsColumns) {
  Table table({{"name"}, {"n", Table::right}});
  table.add({"a", "1"});
  table.add({"畳み", "234"});
  EXPECT_EQ(table.text(), "name    n\na       1\n畳み  234\n");
}

TEST(Table, ShortensTheWidestTextToFit) {
  Table table({{"name"}, {"n", Table::right}});
  table.add({"a/very/long/name/of/a/layer", "1234"});
  EXPECT_EQ(table.text(20), "name               n\na/very/…/layer  1234\n");
}

TEST(Table, BecomesRecordsWhereColumnsDoNotFit) {
  Table table({{"name"}, {"first", Table::right}, {"second", Table::right}});
  table.add({"abcdefghijkl", "123456", ""});
  table.add({"x\ny", "1", "2"});
  EXPECT_EQ(table.text(18), "name: abcdefghijkl\nfirst: 123456\n\nname: x\\x0ay\nfirst: 1\nsecond: 2\n");
}

}  // namespace
}  // namespace octet::report
