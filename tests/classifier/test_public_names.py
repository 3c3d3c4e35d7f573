import inspect

import classifier
from classifier import errors
from classifier.errors import ClassifierError


def test_every_public_name_can_be_imported_and_says_what_it_is() -> None:
    assert classifier.__all__ == sorted(classifier.__all__, key=str)
    for name in classifier.__all__:
        doc = inspect.getdoc(getattr(classifier, name))
        assert doc, f"{name} has no docstring"
        assert doc.splitlines()[0].endswith("."), f"{name}: the first sentence has no end"
        assert not doc.startswith(f"{name}("), f"{name} has only the docstring that dataclass makes"


def test_every_public_method_says_what_it_does() -> None:
    for name in classifier.__all__:
        public = getattr(classifier, name)
        if inspect.isclass(public):
            for member, value in vars(public).items():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    assert inspect.getdoc(value), f"{name}.{member} has no docstring"


def test_the_error_tree_is_drawn_as_it_is() -> None:
    assert errors.__doc__
    drawn = [line for line in errors.__doc__.splitlines() if "─" in line or line == "ClassifierError"]
    trees = {line.strip("│├└─ ").split()[0]: len(line) - len(line.lstrip("│├└─ ")) for line in drawn}
    classes = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}

    assert trees.keys() == classes.keys()
    for name, kind in classes.items():
        assert issubclass(kind, ClassifierError)
        assert trees[name] == 4 * (len(kind.__mro__) - len(ClassifierError.__mro__))
