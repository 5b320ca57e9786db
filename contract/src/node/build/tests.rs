use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn parse(text: &str) -> Result<Arc<Node>, ContractError> {
    Node::parse(text, &Limits::default(), Origin::Document)
}

fn code(text: &str) -> Code {
    parse(text).map(|_| ()).unwrap_err().code()
}

#[rstest]
#[case("")]
#[case("# only a comment\n")]
#[case("a: b: c")]
#[case("a: [1, 2")]
#[case("a: \"open")]
#[case("%YAML 1.1\n---\na: 1")]
#[case("a: 1\n---\nb: 2")]
#[case("a: 1\na: 2")]
#[case("{a: 1, \"a\": 2}")]
#[case("{a: {b: 1, b: 1}}")]
#[case("? [a]\n: 1")]
#[case("{{a: 1}: 1}")]
#[case("a: !!binary aGk=")]
#[case("a: !own 1")]
#[case("a: *nothing")]
#[case("&a [*a]")]
#[case("<<: {a: 1}")]
#[case("a: {b: [{'<<': {c: 1}}]}")]
#[case("{a: &a \"<<\", ? *a : 1}")]
#[case("&a {b: *a}")]
fn what_is_not_one_plain_document_is_refused_with_a_line(#[case] text: &str) {
    let error = parse(text).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), Code::ContractNotYaml, "{error}");
    assert!(error.place().line.is_some());
}

#[test]
fn lines_and_columns_count_from_one() {
    let root = parse("a: 1\nb:\n  - x\n  - {c: d}\n").unwrap();
    assert_eq!(root.get("a").unwrap().mark, Mark { line: 1, column: 1 });
    let Kind::Sequence(items) = &root.get("b").unwrap().value.kind else {
        panic!("no list")
    };
    assert_eq!(items[0].mark, Mark { line: 3, column: 5 });
    assert_eq!(
        items[1].get("c").unwrap().value.mark,
        Mark { line: 4, column: 9 }
    );
}

#[test]
fn depth_is_bounded_in_both_styles() {
    let depth = Limits::default().depth;
    let flow = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let block = |levels: usize| {
        (0..levels).fold(String::new(), |text, level| {
            text + &format!("{}a:\n", " ".repeat(level))
        })
    };
    let list = |levels: usize| "- ".repeat(levels) + "x";
    for text in [flow(depth), block(depth), list(depth)] {
        assert!(parse(&text).is_ok(), "{text}");
    }
    for text in [
        flow(depth + 1),
        block(depth + 1),
        list(depth + 1),
        flow(50_000),
        list(50_000),
    ] {
        assert_eq!(code(&text), Code::ContractTooDeep, "{}", &text[..40]);
    }
    // Below an alias too.
    let hidden = format!(
        "a: &a {}\nb: {}*a{}",
        flow(20),
        "[".repeat(20),
        "]".repeat(20)
    );
    assert_eq!(code(&hidden), Code::ContractTooDeep);
}

#[test]
fn nodes_are_bounded() {
    let nodes = Limits::default().nodes;
    assert!(parse(&format!("[{}]", "a,".repeat(nodes - 1))).is_ok());
    assert_eq!(
        code(&format!("[{}]", "a,".repeat(nodes))),
        Code::ContractTooLarge
    );
    assert_eq!(
        code(&(0..nodes).fold(String::new(), |text, at| text + &format!("k{at}: \n"))),
        Code::ContractTooLarge
    );
}

#[test]
fn aliases_are_bounded_in_number_and_in_what_they_stand_for() {
    let few = Limits::default().aliases;
    assert!(parse(&format!("[&a x, {}]", "*a,".repeat(few))).is_ok());
    assert_eq!(
        code(&format!("[&a x, {}]", "*a,".repeat(few + 1))),
        Code::ContractAliases
    );

    // Each list is twice the one before: within the number of aliases, not within the number of nodes.
    let mut text = String::from("k0: &a0 [x, x, x, x, x, x, x, x]\n");
    for level in 1..=8 {
        let line = format!("k{level}: &a{level} [*a{0}, *a{0}]\n", level - 1);
        text.push_str(&line);
    }
    let tight = Limits {
        nodes: 1000,
        ..Limits::default()
    };
    let error = Node::parse(&text, &tight, Origin::Document)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.code(), Code::ContractTooLarge);
}

#[test]
fn an_alias_stands_for_its_node() {
    let root = parse("a: &a {b: c}\nd: *a\n").unwrap();
    let Kind::Scalar(scalar) = &root.get("d").unwrap().value.get("b").unwrap().value.kind else {
        panic!("no scalar")
    };
    assert_eq!(scalar.text.expose(), "c");
}

#[test]
fn trees_do_not_show_their_scalars() {
    let root = parse("apiKey: CANARY\nCANARY: [CANARY]").unwrap();
    assert!(!format!("{root:?}").contains("CANARY"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::testing::cases(256)))]

    #[test]
    fn any_text_is_read_or_refused(text in "[-:,&*!|>\\[\\]{}\"'#%@a-c \n]{0,120}") {
        drop(parse(&text));
    }

    #[test]
    fn any_unicode_is_read_or_refused(text in any::<String>()) {
        drop(parse(&text));
    }
}
