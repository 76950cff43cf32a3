// parse_graph: the text form of printer.cpp back into a graph.
#include <charconv>

#include "octet/graph/text.h"

namespace octet {
namespace {

// One token at a time: a quoted text, a word (names and numbers), or a single character.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { next(); }

  const std::string& token() const { return token_; }
  bool is(std::string_view expected) const { return !quoted_ && token_ == expected; }
  bool accept(std::string_view expected) {
    if (!is(expected)) return false;
    next();
    return true;
  }
  void expect(std::string_view expected) {
    if (!accept(expected)) throw error("'" + std::string(expected) + "'");
  }
  bool at_end() const { return !quoted_ && token_.empty(); }

  std::string take_word() {
    if (!quoted_ && (token_.empty() || !text::is_word_character(token_[0]))) throw error("a name");
    return take();
  }
  std::string take_quoted() {
    if (!quoted_) throw error("a text in quotes");
    return take();
  }
  std::string take_base64() {
    auto bytes = quoted_ ? text::from_base64(token_) : std::nullopt;
    if (!bytes) throw error("base64 in quotes");
    next();
    return std::move(*bytes);
  }
  template <class T>
  T take_number() {
    T value{};
    const char* end = token_.data() + token_.size();
    const auto [stop, code] = std::from_chars(token_.data(), end, value);
    if (quoted_ || code != std::errc() || stop != end) throw error("a number in range");
    next();
    return value;
  }

  Error error(const std::string& expected) const {
    return Error(ErrorKind::bad_input, "the text is not a graph")
        .value(at_end() ? "the end" : "'" + token_ + "'")
        .expected(expected)
        .offset(start_);
  }

 private:
  std::string take() {
    std::string out = std::move(token_);
    next();
    return out;
  }

  void next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
    start_ = at_;
    token_.clear();
    quoted_ = at_ < text_.size() && text_[at_] == '"';
    if (quoted_) return quoted_token();
    if (at_ == text_.size()) return;
    const std::size_t begin = at_++;
    if (text::is_word_character(text_[begin])) {
      // A colon at the end belongs to what follows ("x: float32"), inside it is part of the name.
      while (at_ < text_.size() && text::is_word_character(text_[at_])) ++at_;
      while (at_ > begin + 1 && text_[at_ - 1] == ':') --at_;
    }
    token_ = text_.substr(begin, at_ - begin);
  }

  void quoted_token() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 3 < text_.size() && text_[at_ + 1] == 'x') {
        unsigned code = 0;
        const char* digits = text_.data() + at_ + 2;
        if (std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2)
          throw error("two hexadecimal digits after \\x");
        token_ += static_cast<char>(code);
        at_ += 3;
        continue;
      }
      if (text_[at_] == '\\') ++at_;
      if (at_ < text_.size()) token_ += text_[at_];
    }
    if (at_ >= text_.size()) throw error("a closing quote");
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0, start_ = 0;
  std::string token_;
  bool quoted_ = false;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lex_(text) {}

  Graph whole() {
    Graph g = graph(0);
    if (!lex_.at_end()) throw lex_.error("the end");
    return g;
  }

 private:
  Graph graph(int depth) {
    if (depth > text::kMaxNesting) throw lex_.error("subgraphs at most 100 deep");
    Graph g;
    g.info.producer_name.clear();
    lex_.expect("graph");
    g.name = lex_.take_word();
    lex_.expect("{");
    while (!lex_.accept("}")) {
      if (lex_.is("%") || lex_.is("_")) {
        node(g, depth);
      } else if (!value_line(g)) {
        info(g);
      }
    }
    return g;
  }

  ValueId value(Graph& g) {
    if (lex_.accept("_")) return kNoValue;
    lex_.expect("%");
    const std::string name = lex_.take_word();
    const ValueId known = g.find(name);
    return known != kNoValue ? known : g.add_value(name);
  }

  ValueId typed_value(Graph& g) {
    const ValueId id = value(g);
    if (id == kNoValue) return id;
    if (lex_.accept(":")) g.value(id).type = type();
    return id;
  }

  void extras(Value& v) {
    for (;;) {
      if (lex_.accept("doc")) {
        v.doc = lex_.take_quoted();
      } else if (lex_.accept("unknown_fields")) {
        v.unknown_fields = lex_.take_base64();
      } else if (lex_.accept("tensor_unknown_fields")) {
        v.tensor_unknown_fields = lex_.take_base64();
      } else {
        return;
      }
    }
  }

  bool value_line(Graph& g) {
    const std::string kind = lex_.token();
    if (lex_.accept("output")) {
      g.outputs.push_back(value(g));
      if (g.outputs.back() == kNoValue) throw lex_.error("a value");
      return true;
    }
    if (!lex_.accept("input") && !lex_.accept("const") && !lex_.accept("capture")) return false;
    const ValueId id = typed_value(g);
    if (id == kNoValue) throw lex_.error("a value");
    if (kind == "input") g.inputs.push_back(id);
    if (lex_.accept("=")) {
      const TypeInfo declared = g.value(id).type;
      g.set_initializer(id, tensor());
      g.value(id).type = declared;
    }
    extras(g.value(id));
    return true;
  }

  void info(Graph& g) {
    if (lex_.accept("opset")) {
      const std::string domain = lex_.take_quoted();
      g.opsets[domain] = lex_.take_number<int>();
    } else if (lex_.accept("ir_version")) {
      g.info.ir_version = lex_.take_number<std::int64_t>();
    } else if (lex_.accept("model_version")) {
      g.info.model_version = lex_.take_number<std::int64_t>();
    } else if (lex_.accept("metadata")) {
      std::string key = lex_.take_quoted();
      g.info.metadata.emplace_back(std::move(key), lex_.take_quoted());
    } else if (lex_.accept("unknown_fields")) {
      g.info.unknown_fields = lex_.take_base64();
    } else if (lex_.accept("graph_unknown_fields")) {
      g.info.graph_unknown_fields = lex_.take_base64();
    } else {
      std::string& field = *text_field(g);
      field = lex_.take_quoted();
    }
  }

  std::string* text_field(Graph& g) {
    if (lex_.accept("doc")) return &g.doc;
    if (lex_.accept("producer_name")) return &g.info.producer_name;
    if (lex_.accept("producer_version")) return &g.info.producer_version;
    if (lex_.accept("domain")) return &g.info.domain;
    if (lex_.accept("model_doc")) return &g.info.doc;
    throw lex_.error("a node, a value or a property of the graph");
  }

  TypeInfo type() {
    const auto dtype = text::dtype_of(lex_.token());
    if (!dtype) throw lex_.error("an element type");
    lex_.take_word();
    TypeInfo out{*dtype, std::nullopt};
    if (!lex_.accept("[")) return out;
    out.shape.emplace();
    while (!lex_.accept("]")) {
      if (!out.shape->empty()) lex_.expect(",");
      out.shape->push_back(dim());
    }
    return out;
  }

  Dim dim() {
    if (lex_.accept("?")) return {};
    const char first = lex_.token().empty() ? ' ' : lex_.token()[0];
    if (lex_.is(lex_.token()) && first >= '0' && first <= '9') return Dim(lex_.take_number<std::int64_t>());
    return Dim(lex_.take_word());
  }

  Tensor tensor() {
    const TypeInfo t = type();
    const auto shape = t.shape ? static_shape(*t.shape) : std::nullopt;
    if (!shape || !is_stored(t.dtype)) throw lex_.error("a type that can be stored, with known dimensions, before");
    if (lex_.accept("base64")) {
      const Error mismatch = lex_.error("as many bytes as the type says");
      const std::string bytes = lex_.take_base64();
      if (static_cast<std::int64_t>(bytes.size()) != bytes_of(t.dtype, shape->elements())) throw mismatch;
      Tensor out(t.dtype, *shape);
      if (!bytes.empty()) std::memcpy(out.raw(), bytes.data(), bytes.size());
      return out;
    }
    if (shape->elements() > text::kMaxInline || is_four_bits(t.dtype)) throw lex_.error("base64 for a large tensor");
    Tensor out(t.dtype, *shape);
    lex_.expect("{");
    for (std::int64_t i = 0; i < shape->elements(); ++i) {
      if (i != 0) lex_.expect(",");
      element(out, i);
    }
    lex_.expect("}");
    return out;
  }

  void element(Tensor& tensor, std::int64_t i) {
    dispatch(tensor.dtype(), [&]<class T>() {
      if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
        tensor.data<T>()[i] = T(lex_.take_number<float>());
      } else if constexpr (std::is_same_v<T, bool>) {
        tensor.data<T>()[i] = lex_.take_number<int>() != 0;
      } else {
        tensor.data<T>()[i] = lex_.take_number<T>();
      }
    });
  }

  void node(Graph& g, int depth) {
    Node n;
    do {
      n.outputs.push_back(typed_value(g));
      if (n.outputs.back() != kNoValue) extras(g.value(n.outputs.back()));
    } while (lex_.accept(","));
    lex_.expect("=");
    n.op_type = lex_.take_word();
    lex_.expect("(");
    while (!lex_.accept(")")) {
      if (!n.inputs.empty()) lex_.expect(",");
      n.inputs.push_back(value(g));
    }
    if (lex_.accept("domain")) n.domain = lex_.take_quoted();
    if (lex_.accept("name")) n.name = lex_.take_quoted();
    if (lex_.accept("doc")) n.doc = lex_.take_quoted();
    if (lex_.accept("unknown_fields")) n.unknown_fields = lex_.take_base64();
    if (lex_.accept("<")) attributes(n, depth);
    g.nodes.push_back(std::move(n));
  }

  void attributes(Node& n, int depth) {
    do {
      std::string name = lex_.take_word();
      lex_.expect(":");
      const std::string type = lex_.take_word();
      lex_.expect("=");
      n.attributes.set(std::move(name), attribute(type, depth));
    } while (lex_.accept(","));
    lex_.expect(">");
  }

  AttributeValue attribute(const std::string& type, int depth) {
    if (type == "int") return lex_.take_number<std::int64_t>();
    if (type == "float") return real();
    if (type == "string") return lex_.take_quoted();
    if (type == "tensor") return tensor();
    if (type == "graph") return std::make_shared<Graph>(graph(depth + 1));
    if (type == "ints") return list<std::int64_t>([&] { return lex_.take_number<std::int64_t>(); });
    if (type == "floats") return list<float>([&] { return real(); });
    if (type == "strings") return list<std::string>([&] { return lex_.take_quoted(); });
    throw lex_.error("a type of attribute before");
  }

  float real() {
    if (lex_.accept("bits")) return std::bit_cast<float>(lex_.take_number<std::uint32_t>());
    return lex_.take_number<float>();
  }

  template <class T, class Item>
  std::vector<T> list(const Item& item) {
    std::vector<T> out;
    lex_.expect("[");
    while (!lex_.accept("]")) {
      if (!out.empty()) lex_.expect(",");
      out.push_back(item());
    }
    return out;
  }

  Lexer lex_;
};

}  // namespace

Graph parse_graph(std::string_view text) { return Parser(text).whole(); }

}  // namespace octet
