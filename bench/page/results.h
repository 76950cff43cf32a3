// What bench/run.sh has measured, and the words of a page.
#pragma once

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace octet::bench {

using Json = nlohmann::ordered_json;
inline constexpr double kNothing = NAN;  ///< a figure that is not there

/// Every NAME.json of a folder under NAME, and the lines of every NAME.jsonl as an array, over what `older` holds;
/// absolute paths are cut to their last part.
Json read_results(const std::filesystem::path& folder, Json older);
Json read_json(const std::filesystem::path& file);

/// The number at the end of these keys, or kNothing.
double number(const Json& json, const std::vector<std::string>& keys);
/// The least (or largest) of a number over the lines of that name: kNothing if there is none.
double least(const Json& lines, const std::string& name, const std::string& key);
double largest(const Json& lines, const std::string& name, const std::string& key);

/// "| a | b |" and a line end; a head has its rule below it.
std::string row(const std::vector<std::string>& cells, const std::vector<std::string>& more = {});
std::string head(const std::vector<std::string>& cells);
/// With so many digits behind the point; "-" for kNothing.
std::string text(double value, int digits);
/// About three digits, for times.
std::string milliseconds(double value);
std::string percent(double share);
std::string megabytes(double bytes);

/// The cells "what is asked" and "reached": yes, no, or - where there is no figure.
std::vector<std::string> at_least(double value, double asked, const std::string& unit = "");
std::vector<std::string> at_most(double value, double asked, const std::string& unit = "");
/// The cells where nothing is asked.
std::vector<std::string> nothing_asked();

/// Title, the command that measures the section, and what the machine gave before and after.
std::string section_head(const Json& results, const std::string& title, const std::string& section,
                         const std::string& words);

}  // namespace octet::bench
