# For fingers that type make; the commands are in ./run.
.PHONY: demo test check
demo test check:
	./run $@
%:
	./run $@
