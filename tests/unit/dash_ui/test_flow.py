from dash_ui.flow import HEIGHT_OF_NOTHING, Flow, Lane, draw
from tests.unit.dash_ui.pieces import components, text

LANES = (Lane("mobilenet", 2.5, 0, "#E69F00"), Lane("resnet50", 0, 12, "#009E73"))


def flow(lanes: tuple[Lane, ...] = LANES, per_s: float = 0.0) -> Flow:
    waiting = {"stats": 0, "recorder": None}
    return Flow(lanes, per_s, 3 * per_s, per_s, accepted=1200, originals=3 * 2**20, waiting=waiting)


def test_every_model_has_a_box_with_its_rate_and_what_waits() -> None:
    drawn = draw(flow(per_s=2.5))
    assert "0.0/s resnet50 12 waiting" in text(drawn)
    assert "1,200 accepted" in text(drawn)
    assert "recorder – waiting" in text(drawn)
    assert "object store 3.0 MB" in text(drawn)
    assert text(drawn).split().count("7.5/s") == 3, "answers reach the tables, the recorder and the database"
    assert "mobilenet: 2.5/s, 0 waiting" in drawn.props["aria-label"]


def test_edges_move_only_while_something_moves_on_them() -> None:
    edges = [part for part in components(draw(flow())) if part.tag == "path"]
    moving = [edge.props.get("style", {}).get("--model") for edge in edges if "moving" in edge.props["className"]]
    assert moving.count("#E69F00") == 2
    assert "#009E73" not in moving


def test_the_drawing_grows_with_the_models() -> None:
    def height(count: int) -> int:
        lanes = tuple(Lane(f"m{number}", 1, 0, "#000") for number in range(count))
        return int(draw(flow(lanes)).props["viewBox"].split()[-1])

    assert height(0) == height(3) == HEIGHT_OF_NOTHING < height(4) < height(6)
