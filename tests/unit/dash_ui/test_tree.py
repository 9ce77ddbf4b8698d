from dash import html

from dash_ui.tree import Tree, elements


def test_components_become_plain_data() -> None:
    card = html.Div([html.B("cat", className="x"), " 9", None, [html.I()]], **{"data-model": "m"})
    assert elements(card) == [["div", {"data-model": "m"}, ["b", {"className": "x"}, "cat"], " 9", ["i", {}]]]


def test_text_and_nothing() -> None:
    assert elements("a") == ["a"]
    assert elements(None) == elements([]) == []
    assert elements(html.Td()) == [["td", {}]]


def test_a_tree_is_a_dash_component_of_ours() -> None:
    assert Tree("x", "hello", className="c").to_plotly_json() == {
        "props": {"id": "x", "tree": ["hello"], "className": "c"},
        "type": "Tree",
        "namespace": "dash_ui",
    }
