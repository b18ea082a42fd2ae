# For fingers that type make; the commands are in ./run, which also takes arguments.
WORDS = demo test campaign check vectors bench docs setup clean help

.PHONY: $(WORDS)
$(WORDS):
	@./run $@
